using System.Collections.Immutable;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;

namespace Halftone.PostTraining.Recipes;

/// <summary>Reads and writes recipes as JSON. Unknown keys, ids and values are refused with line, key and the nearest right spelling before any work starts.</summary>
public static partial class RecipeFile
{
    private const string Prefix = "recipes.";

    private static readonly JsonSerializerOptions s_json = new(JsonSerializerDefaults.Web)
    {
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        ReadCommentHandling = JsonCommentHandling.Skip,
        AllowTrailingCommas = true,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        NewLine = "\n",
        WriteIndented = true,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.KebabCaseLower, allowIntegerValues: false) },
    };

    /// <summary>Names of the recipes that ship with Halftone.</summary>
    public static ImmutableArray<string> Names { get; } =
    [
        .. typeof(RecipeFile).Assembly.GetManifestResourceNames()
            .Where(n => n.StartsWith(Prefix, StringComparison.Ordinal))
            .Select(n => Path.GetFileNameWithoutExtension(n[Prefix.Length..]))
            .Order(StringComparer.Ordinal),
    ];

    /// <summary>A recipe that ships with Halftone, or one from a file: whatever ends in .json is a file.</summary>
    /// <exception cref="ArgumentException">There is no such recipe, or it is not valid.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static Recipe Find(string nameOrPath)
    {
        if (nameOrPath.EndsWith(".json", StringComparison.OrdinalIgnoreCase))
        {
            return Parse(File.ReadAllText(nameOrPath), nameOrPath);
        }

        return Parse(Text(nameOrPath), nameOrPath);
    }

    /// <summary>The text of a recipe that ships with Halftone.</summary>
    /// <exception cref="ArgumentException">There is no such recipe.</exception>
    public static string Text(string name)
    {
        using Stream stream = typeof(RecipeFile).Assembly.GetManifestResourceStream($"{Prefix}{name}.json")
            ?? throw new ArgumentException(
                $"There is no recipe '{name}'. Did you mean '{Spelling.Nearest(name, Names)}'? There are: {string.Join(", ", Names)}; a file's name ends in .json.");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    /// <summary>Reads a recipe.</summary>
    /// <param name="json">The text.</param>
    /// <param name="name">What it is called in messages.</param>
    /// <exception cref="ArgumentException">It is not valid.</exception>
    public static Recipe Parse(string json, string name)
    {
        try
        {
            Recipe recipe = JsonSerializer.Deserialize<Recipe>(json, s_json) ?? throw new JsonException("it is null");
            RecipeCheck.Validate(recipe);
            return recipe;
        }
        catch (JsonException error)
        {
            throw new ArgumentException($"Recipe '{name}', line {(error.LineNumber ?? 0) + 1}: {Explain(error)}", error);
        }
        catch (ArgumentException error)
        {
            throw new ArgumentException($"Recipe '{name}': {error.Message}", error);
        }
    }

    /// <summary>The recipe as JSON.</summary>
    public static string Write(Recipe recipe) => JsonSerializer.Serialize(recipe, s_json) + "\n";

    private static string Explain(JsonException error)
    {
        if (UnknownMember().Match(error.Message) is { Success: true } match)
        {
            string key = match.Groups[1].Value;
            IEnumerable<string> keys = ((Type[])[typeof(Recipe), typeof(WeightRecipe), typeof(ActivationRecipe), typeof(KeepFloat)])
                .Where(t => error.Message.Contains(t.FullName!, StringComparison.Ordinal))
                .SelectMany(t => t.GetProperties(BindingFlags.Public | BindingFlags.Instance))
                .Select(p => JsonNamingPolicy.CamelCase.ConvertName(p.Name));
            return $"there is no key '{key}'; did you mean '{Spelling.Nearest(key, keys)}'?";
        }

        return error.Path is { Length: > 2 } path ? $"the value of '{path[2..]}' does not fit: {error.Message.Split(" Path:")[0]}" : error.Message.Split(" Path:")[0];
    }

    [GeneratedRegex("JSON property '([^']*)' could not be mapped")]
    private static partial Regex UnknownMember();
}
