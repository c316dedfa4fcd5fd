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
        AllowDuplicateProperties = false,
        NumberHandling = JsonNumberHandling.Strict,
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
                $"There is no recipe '{name}'. Did you mean '{Spelling.Nearest(name, Names)}'? 'halftone recipes' lists all {Names.Length}; a file's name ends in .json.");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    /// <summary>Reads a recipe.</summary>
    /// <param name="json">The text.</param>
    /// <param name="name">What it is called in messages.</param>
    /// <exception cref="ArgumentException">It is not valid; the message names file, line, key and what is wanted there.</exception>
    public static Recipe Parse(string json, string name)
    {
        if (string.IsNullOrWhiteSpace(json))
        {
            throw new ArgumentException($"Recipe '{name}' is empty. 'halftone recipes' shows some that are not.");
        }

        Recipe recipe;
        try
        {
            recipe = JsonSerializer.Deserialize<Recipe>(json, s_json) ?? throw new ArgumentException($"Recipe '{name}' is null.");
        }
        catch (JsonException error)
        {
            throw new ArgumentException($"Recipe '{name}', line {(error.LineNumber ?? 0) + 1}{Explain(error, json)}", error);
        }

        try
        {
            RecipeCheck.Validate(recipe);
            return recipe;
        }
        catch (RecipeKeyException error)
        {
            throw new ArgumentException($"Recipe '{name}', line {RecipeText.LineOf(json, error.Key)}, key '{error.Key}': {error.Message}", error);
        }
    }

    /// <summary>The recipe as JSON.</summary>
    public static string Write(Recipe recipe) => JsonSerializer.Serialize(recipe, s_json) + "\n";

    // what follows the line number
    private static string Explain(JsonException error, string json)
    {
        if (Unknown().Match(error.Message) is { Success: true } unknown)
        {
            string key = unknown.Groups[1].Value;
            Type owner = ((Type[])[typeof(Recipe), typeof(WeightRecipe), typeof(ActivationRecipe), typeof(KeepFloat), typeof(NodeBits)]).First(t => t.FullName == unknown.Groups[2].Value);
            IEnumerable<string> keys = owner.GetProperties(BindingFlags.Public | BindingFlags.Instance).Select(p => JsonNamingPolicy.CamelCase.ConvertName(p.Name));
            return $", key '{key}': There is no such key. Did you mean '{Spelling.Nearest(key, keys)}'?";
        }

        if (Missing().Match(error.Message) is { Success: true } missing)
        {
            return $": The key {missing.Groups[1].Value} is missing.";
        }

        if (Twice().Match(error.Message) is { Success: true } twice)
        {
            return $", key '{twice.Groups[1].Value}': It is there twice.";
        }

        if (error.Path is { } path && error.Message.Contains("could not be converted", StringComparison.Ordinal))
        {
            JsonElement root = JsonElement.Parse(json, new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true });
            string misfit = RecipeText.At(root, path) is { } given && RecipeText.TypeAt(typeof(Recipe), path) is { } type ? RecipeText.Misfit(given, type) : "Its value does not fit.";
            return path.Length > 2 ? $", key '{path[2..]}': {misfit}" : $": {misfit}";
        }

        return $": It is not JSON: {error.Message.Split(" LineNumber:")[0].Split(" Path:")[0]}";
    }

    [GeneratedRegex("JSON property '([^']*)' could not be mapped to any .NET member contained in type '([^']*)'")]
    private static partial Regex Unknown();

    [GeneratedRegex("missing required properties including: ([^.]*)")]
    private static partial Regex Missing();

    [GeneratedRegex("Duplicate property '([^']*)'")]
    private static partial Regex Twice();
}
