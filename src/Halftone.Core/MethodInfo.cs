using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;

namespace Halftone;

/// <summary>What a method tells of itself; written in the method's own file.</summary>
/// <param name="Id">Kebab case; never changes.</param>
/// <param name="Title">As the field calls it.</param>
/// <param name="Paper">Authors, year and number, or the system it comes from.</param>
public sealed record MethodInfo(string Id, string Title, string Paper);

/// <summary>A type that describes itself. Apart from the method interfaces, so that these can be used as type arguments.</summary>
public interface IDescribed
{
    /// <summary>Its description.</summary>
    static abstract MethodInfo Info { get; }
}

/// <summary>One line of a list of methods.</summary>
/// <typeparam name="TKind">The kind of method.</typeparam>
/// <param name="Info">Its description.</param>
/// <param name="Type">Its record, whose properties are its options.</param>
/// <param name="FromOptions">Makes it from the options of a recipe; an unknown option throws <see cref="JsonException"/>.</param>
public sealed record MethodEntry<TKind>(MethodInfo Info, Type Type, Func<JsonElement, TKind> FromOptions)
{
    /// <summary>The method with its default options.</summary>
    public TKind Default => FromOptions(JsonElement.Parse("{}"));
}

/// <summary>Makes lines of a list.</summary>
public static class MethodEntry
{
    /// <summary>The line of a method.</summary>
    /// <typeparam name="TKind">The kind of method.</typeparam>
    /// <typeparam name="TMethod">The method's record.</typeparam>
    /// <param name="json">How its options are read, from a source-generated context.</param>
    public static MethodEntry<TKind> Of<TKind, TMethod>(JsonTypeInfo<TMethod> json)
        where TMethod : class, TKind, IDescribed, new() =>
        new(TMethod.Info, typeof(TMethod), options => Read(options, TMethod.Info.Id, json));

    // generated readers set every init-only property, those that are not named to zero; so the defaults are written out first
    private static TMethod Read<TMethod>(JsonElement options, string id, JsonTypeInfo<TMethod> json)
        where TMethod : class, new()
    {
        if (options.ValueKind != JsonValueKind.Object)
        {
            throw new JsonException($"The options of '{id}' must be an object such as {{}}, not {options.GetRawText()}.");
        }

        JsonObject all = JsonSerializer.SerializeToNode(new TMethod(), json)!.AsObject();
        foreach (JsonProperty option in options.EnumerateObject())
        {
            if (!all.ContainsKey(option.Name))
            {
                throw new JsonException(all.Count == 0
                    ? $"'{id}' has no options, so no '{option.Name}'."
                    : $"'{id}' has no option '{option.Name}'. Did you mean '{Spelling.Nearest(option.Name, all.Select(p => p.Key))}'?");
            }

            all[option.Name] = JsonNode.Parse(option.Value.GetRawText());
        }

        return all.Deserialize(json)!;
    }
}

/// <summary>A list of the methods of one kind. Adding a method is adding its line.</summary>
/// <typeparam name="TKind">The kind of method.</typeparam>
/// <param name="kind">What the kind is called in messages: "range method".</param>
/// <param name="entries">The lines.</param>
public sealed class MethodList<TKind>(string kind, params ImmutableArray<MethodEntry<TKind>> entries)
    where TKind : class
{
    /// <summary>Every method, in the order of the list.</summary>
    public ImmutableArray<MethodEntry<TKind>> All { get; } = entries;

    /// <summary>What the kind is called.</summary>
    public string Kind { get; } = kind;

    /// <summary>The method of that id.</summary>
    /// <exception cref="ArgumentException">There is none; the message names the nearest and lists those there are.</exception>
    public MethodEntry<TKind> Find(string id) =>
        All.FirstOrDefault(e => e.Info.Id == id)
        ?? throw new ArgumentException(
            $"There is no {Kind} '{id}'. Did you mean '{Spelling.Nearest(id, All.Select(e => e.Info.Id))}'? There are: {string.Join(", ", All.Select(e => e.Info.Id))}.");

    /// <summary>The method that a text names, with the options that it gives: see <see cref="MethodText"/>.</summary>
    /// <exception cref="ArgumentException">There is no such method or option, or a value does not fit.</exception>
    public TKind Read(string text)
    {
        (string id, JsonElement options) = MethodText.Split(text);
        try
        {
            return Find(id).FromOptions(options);
        }
        catch (JsonException error)
        {
            throw new ArgumentException($"The {Kind} '{text}' is not understood: {error.Message.Split(" Path:")[0]}", error);
        }
    }
}

/// <summary>Finds what somebody may have meant.</summary>
public static class Spelling
{
    /// <summary>The candidate with the least edit distance; the first of equals.</summary>
    public static string Nearest(string word, IEnumerable<string> candidates) =>
        candidates.MinBy(c => Distance(word.ToLowerInvariant(), c.ToLowerInvariant())) ?? "";

    private static int Distance(string a, string b)
    {
        int[] row = [.. Enumerable.Range(0, b.Length + 1)];
        for (int i = 1; i <= a.Length; i++)
        {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.Length; j++)
            {
                int replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(replaced, Math.Min(row[j], row[j - 1]) + 1);
            }
        }

        return row[b.Length];
    }
}
