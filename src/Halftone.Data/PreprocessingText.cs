using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Halftone.Data;

/// <summary>The written forms of a preprocessing: words, JSON and a line for people.</summary>
internal static class PreprocessingText
{
    private static readonly string[] s_keys = ["preset", "height", "width", "shortSide", "resize", "layout", "colours", "scale", "mean", "deviation"];

    private static readonly ImmutableArray<(string Name, ResizeMode Value)> s_resizes =
        [("stretch", ResizeMode.Stretch), ("short-side", ResizeMode.ShortSideThenCentreCrop), ("fit-height", ResizeMode.FitHeightPadRight)];

    private static readonly ImmutableArray<(string Name, Layout Value)> s_layouts = [("nchw", Layout.Nchw), ("nhwc", Layout.Nhwc)];

    private static readonly ImmutableArray<(string Name, ColourOrder Value)> s_colours =
        [("rgb", ColourOrder.Rgb), ("bgr", ColourOrder.Bgr), ("grey", ColourOrder.Grey)];

    public static Preprocessing FromWords(string text)
    {
        var result = new Preprocessing();
        bool first = true;
        foreach (string word in text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            result = Apply(result, word, first);
            first = false;
        }

        return first ? throw new ArgumentException($"The preprocessing is empty; write one of {Names(Preprocessing.Presets)}.") : result;
    }

    public static Preprocessing FromJson(JsonElement root)
    {
        if (root.ValueKind != JsonValueKind.Object)
        {
            throw new ArgumentException("a JSON object is expected.");
        }

        foreach (JsonProperty property in root.EnumerateObject())
        {
            if (!s_keys.Contains(property.Name))
            {
                throw new ArgumentException($"there is no key '{property.Name}'; did you mean '{Spelling.Nearest(property.Name, s_keys)}'? Keys: {string.Join(", ", s_keys)}.");
            }
        }

        Preprocessing start = root.TryGetProperty("preset", out JsonElement preset) ? Find(Preprocessing.Presets, Text(preset, "preset"), "preset") : new();
        return start with
        {
            Height = Whole(root, "height") ?? start.Height,
            Width = Whole(root, "width") ?? start.Width,
            ShortSide = Whole(root, "shortSide") ?? start.ShortSide,
            Resize = Named(root, "resize", s_resizes) ?? start.Resize,
            Layout = Named(root, "layout", s_layouts) ?? start.Layout,
            Colours = Named(root, "colours", s_colours) ?? start.Colours,
            Scale = root.TryGetProperty("scale", out JsonElement scale) ? Number(scale, "scale") : start.Scale,
            Mean = root.TryGetProperty("mean", out JsonElement mean) ? Numbers(mean, "mean") : start.Mean,
            Deviation = root.TryGetProperty("deviation", out JsonElement deviation) ? Numbers(deviation, "deviation") : start.Deviation,
        };
    }

    public static string ToJson(Preprocessing value)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartObject();
            Write(json, "height", value.Height);
            Write(json, "width", value.Width);
            Write(json, "shortSide", value.ShortSide);
            Write(json, "resize", value.Resize is { } resize ? NameOf(s_resizes, resize) : null);
            Write(json, "layout", value.Layout is { } layout ? NameOf(s_layouts, layout) : null);
            Write(json, "colours", value.Colours is { } colours ? NameOf(s_colours, colours) : null);
            json.WriteNumber("scale", value.Scale);
            Write(json, "mean", value.Mean);
            Write(json, "deviation", value.Deviation);
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(stream.ToArray());
    }

    public static string Describe(Preprocessing value)
    {
        List<string> parts = [];
        string size = value.Height is null && value.Width is null ? "" : string.Create(CultureInfo.InvariantCulture, $" {value.Height}x{value.Width}");
        if (value.Resize is { } resize)
        {
            string side = value.ShortSide is int s ? string.Create(CultureInfo.InvariantCulture, $" {s}") : "";
            parts.Add($"{NameOf(s_resizes, resize)}{side}{size}");
        }
        else if (size.Length > 0)
        {
            parts.Add($"size{size}");
        }

        string x = value.Scale == 1 ? "x" : string.Create(CultureInfo.InvariantCulture, $"x * {value.Scale}");
        x = value.Mean.Length == 0 ? x : $"{x} - {List(value.Mean)}";
        parts.Add(value.Deviation.Length == 0 ? x : $"({x}) / {List(value.Deviation)}");
        if (value.Colours is { } colours)
        {
            parts.Add(NameOf(s_colours, colours));
        }

        if (value.Layout is { } layout)
        {
            parts.Add(NameOf(s_layouts, layout));
        }

        return string.Join(", ", parts);
    }

    private static Preprocessing Apply(Preprocessing value, string word, bool first)
    {
        if (s_resizes.FirstOrDefault(r => r.Name == word) is { Name: not null } resize)
        {
            return value with { Resize = resize.Value };
        }

        if (s_layouts.FirstOrDefault(l => l.Name == word) is { Name: not null } layout)
        {
            return value with { Layout = layout.Value };
        }

        if (s_colours.FirstOrDefault(c => c.Name == word) is { Name: not null } colours)
        {
            return value with { Colours = colours.Value };
        }

        if (word.Split('x') is [var height, var width] && TryWhole(height, out int h) && TryWhole(width, out int w))
        {
            return value with { Height = h, Width = w };
        }

        if (word.StartsWith("short-side=", StringComparison.Ordinal) && TryWhole(word["short-side=".Length..], out int side))
        {
            return value with { Resize = ResizeMode.ShortSideThenCentreCrop, ShortSide = side };
        }

        Preprocessing preset = Find(Preprocessing.Presets, word, "preprocessing");
        return first ? preset : throw new ArgumentException($"The preset '{word}' must stand first in a preprocessing.");
    }

    private static T Find<T>(ImmutableArray<(string Name, T Value)> table, string name, string what)
    {
        foreach ((string known, T value) in table)
        {
            if (known == name)
            {
                return value;
            }
        }

        throw new ArgumentException($"There is no {what} '{name}'. Did you mean '{Spelling.Nearest(name, table.Select(t => t.Name))}'? There are: {Names(table)}.");
    }

    private static string NameOf<T>(ImmutableArray<(string Name, T Value)> table, T value) =>
        table.First(t => EqualityComparer<T>.Default.Equals(t.Value, value)).Name;

    private static string Names<T>(ImmutableArray<(string Name, T Value)> table) => string.Join(", ", table.Select(t => t.Name));

    private static T? Named<T>(JsonElement root, string key, ImmutableArray<(string Name, T Value)> table)
        where T : struct => root.TryGetProperty(key, out JsonElement value) ? Find(table, Text(value, key), key) : null;

    private static string Text(JsonElement value, string key) =>
        value.ValueKind == JsonValueKind.String ? value.GetString()! : throw new ArgumentException($"'{key}' must be a string.");

    private static float Number(JsonElement value, string key) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetSingle(out float number) ? number : throw new ArgumentException($"'{key}' must be a number.");

    private static ImmutableArray<float> Numbers(JsonElement value, string key) =>
        value.ValueKind == JsonValueKind.Array ? [.. value.EnumerateArray().Select(v => Number(v, key))] : [Number(value, key)];

    private static int? Whole(JsonElement root, string key) =>
        !root.TryGetProperty(key, out JsonElement value) ? null
        : value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int whole) ? whole
        : throw new ArgumentException($"'{key}' must be a whole number.");

    private static bool TryWhole(string text, out int value) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value);

    private static string List(ImmutableArray<float> values) =>
        values.Length == 1 ? values[0].ToString(CultureInfo.InvariantCulture) : $"({string.Join(", ", values.Select(v => v.ToString(CultureInfo.InvariantCulture)))})";

    private static void Write(Utf8JsonWriter json, string key, int? value)
    {
        if (value is int number)
        {
            json.WriteNumber(key, number);
        }
    }

    private static void Write(Utf8JsonWriter json, string key, string? value)
    {
        if (value is not null)
        {
            json.WriteString(key, value);
        }
    }

    private static void Write(Utf8JsonWriter json, string key, ImmutableArray<float> values)
    {
        if (values.Length > 0)
        {
            json.WriteStartArray(key);
            foreach (float value in values)
            {
                json.WriteNumberValue(value);
            }

            json.WriteEndArray();
        }
    }
}
