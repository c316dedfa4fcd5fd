using System.Collections.Immutable;
using System.Text.Json;

namespace Halftone.Cli.Catalogue;

/// <summary>A recipe as it is listed.</summary>
/// <param name="Name">Its file's name without ".json".</param>
/// <param name="Title">What it is.</param>
/// <param name="Source">The system or paper whose choices it holds.</param>
internal sealed record RecipeLine(string Name, string Title, string Source);

/// <summary>The recipes inside the tool: the files of recipes/.</summary>
internal static class EmbeddedRecipes
{
    private const string Folder = "recipes/";

    /// <summary>Every recipe, by name.</summary>
    public static ImmutableArray<RecipeLine> All { get; } =
    [
        .. typeof(EmbeddedRecipes).Assembly.GetManifestResourceNames()
            .Where(n => n.StartsWith(Folder, StringComparison.Ordinal))
            .Select(n => n[Folder.Length..^".json".Length])
            .Order(StringComparer.Ordinal)
            .Select(n => Line(n, Text(n))),
    ];

    /// <summary>A recipe's text.</summary>
    /// <exception cref="ArgumentException">There is none of that name.</exception>
    public static string Text(string name)
    {
        using Stream stream = typeof(EmbeddedRecipes).Assembly.GetManifestResourceStream($"{Folder}{name}.json")
            ?? throw new ArgumentException(All.IsEmpty
                ? $"There is no recipe '{name}'; this build has none."
                : $"There is no recipe '{name}'. Did you mean '{Spelling.Nearest(name, All.Select(r => r.Name))}'? 'halftone recipes' lists them.");
        using StreamReader reader = new(stream);
        return reader.ReadToEnd();
    }

    /// <summary>What the list shows of a recipe's text.</summary>
    /// <exception cref="JsonException">It is no JSON.</exception>
    public static RecipeLine Line(string name, string text)
    {
        using JsonDocument recipe = JsonDocument.Parse(text, new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true });
        string Key(string key) => recipe.RootElement.TryGetProperty(key, out JsonElement value) ? value.ToString() : "";
        return new RecipeLine(name, Key("title"), Key("source"));
    }
}
