using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Halftone.PostTraining.Recipes;

/// <summary>Finds keys in the text of a recipe, and says in plain words what does not fit there.</summary>
internal static partial class RecipeText
{
    private static readonly JsonReaderOptions s_reading = new() { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true };

    /// <summary>The line, from 1, of a key such as weights.options.steps or keepFloat[1].name; of the nearest key around it where it is not there itself.</summary>
    public static int LineOf(string json, string key)
    {
        for (string at = key; at.Length > 0; at = Outer(at))
        {
            if (Find(json, at) is { } line)
            {
                return line;
            }
        }

        return 1;
    }

    /// <summary>What was given and what is wanted, in one sentence.</summary>
    public static string Misfit(JsonElement given, Type wanted)
    {
        Type type = Nullable.GetUnderlyingType(wanted) ?? wanted;
        string text = given.GetRawText();
        string value = text.Length > 40 ? text[..40] + "..." : text;
        if (!type.IsEnum)
        {
            return $"It is {value}, and must be {Words(type)}.";
        }

        string[] names = [.. Enum.GetNames(type).Select(JsonNamingPolicy.KebabCaseLower.ConvertName)];
        string hint = given.ValueKind is JsonValueKind.String ? $" Did you mean '{Spelling.Nearest(given.GetString()!, names)}'?" : "";
        return $"It is {value}, and must be one of {string.Join(", ", names.Select(n => $"'{n}'"))}.{hint}";
    }

    /// <summary>A message of .NET without the name of a parameter, which tells a user nothing.</summary>
    public static string WithoutParameter(string message) => Parameter().Replace(message, "").ReplaceLineEndings(" ");

    /// <summary>The element at a path of System.Text.Json: $.weights.bits, $.keepFloat[0].op.</summary>
    public static JsonElement? At(JsonElement root, string path)
    {
        JsonElement at = root;
        foreach (Match step in Step().Matches(path))
        {
            if (step.Groups[2].Success)
            {
                int index = int.Parse(step.Groups[2].Value, System.Globalization.CultureInfo.InvariantCulture);
                if (at.ValueKind is not JsonValueKind.Array || index >= at.GetArrayLength())
                {
                    return null;
                }

                at = at[index];
            }
            else if (at.ValueKind is not JsonValueKind.Object || !at.TryGetProperty(step.Groups[1].Value, out at))
            {
                return null;
            }
        }

        return at;
    }

    /// <summary>The type of the property at such a path.</summary>
    public static Type? TypeAt(Type root, string path)
    {
        Type? at = root;
        foreach (Match step in Step().Matches(path))
        {
            at = step.Groups[2].Success
                ? at?.GenericTypeArguments.FirstOrDefault()
                : at?.GetProperties().FirstOrDefault(p => p.Name.Equals(step.Groups[1].Value, StringComparison.OrdinalIgnoreCase))?.PropertyType;
        }

        return at;
    }

    private static string Words(Type type) =>
        type == typeof(bool) ? "true or false"
        : type == typeof(int) ? "a whole number"
        : type == typeof(double) || type == typeof(float) ? "a number"
        : type == typeof(string) ? "a text in quotes"
        : type == typeof(MethodStep) ? "the id of a method, or an object with its id as the one key and its options as the value"
        : type.IsGenericType && type.GetGenericTypeDefinition() == typeof(ImmutableArray<>) ? "a list in brackets, as in [" + (type.GenericTypeArguments[0] == typeof(string) ? "\"Conv\"]" : type.GenericTypeArguments[0] == typeof(MethodStep) ? "\"bias-correction\"]" : "{ \"place\": \"first\" }]")
        : "an object in braces";

    private static string Outer(string key) => key[..Math.Max(0, key.LastIndexOfAny(['.', '[']))];

    private static int? Find(string json, string key)
    {
        byte[] utf8 = Encoding.UTF8.GetBytes(json);
        var reader = new Utf8JsonReader(utf8, s_reading);
        Stack<(string Path, int Next)> open = new(); // Next is the index of a list's next element, -1 in an object
        string at = "";
        while (reader.Read())
        {
            if (reader.TokenType is JsonTokenType.EndObject or JsonTokenType.EndArray)
            {
                open.Pop();
                continue;
            }

            if (reader.TokenType is JsonTokenType.PropertyName)
            {
                at = (open.Peek().Path.Length > 0 ? open.Peek().Path + "." : "") + reader.GetString();
            }
            else if (open.TryPeek(out (string Path, int Next) list) && list.Next >= 0)
            {
                open.Push((list.Path, open.Pop().Next + 1));
                at = $"{list.Path}[{list.Next}]";
            }

            if (at.Equals(key, StringComparison.OrdinalIgnoreCase))
            {
                return 1 + utf8.AsSpan(0, (int)reader.TokenStartIndex).Count((byte)'\n');
            }

            if (reader.TokenType is JsonTokenType.StartObject or JsonTokenType.StartArray)
            {
                open.Push((at, reader.TokenType is JsonTokenType.StartArray ? 0 : -1));
            }
        }

        return null;
    }

    [GeneratedRegex(@"\.([^.\[\]]+)|\[(\d+)\]")]
    private static partial Regex Step();

    [GeneratedRegex(@" \(Parameter '[^']*'\)")]
    private static partial Regex Parameter();
}
