using System.Collections.Immutable;
using System.Text.Json;
using Halftone.PostTraining.Recipes;

namespace Halftone.Cli.Catalogue;

/// <summary>A recipe as it is listed.</summary>
/// <param name="Name">Its file's name without ".json".</param>
/// <param name="Title">What it is.</param>
/// <param name="Source">The system or paper whose choices it holds.</param>
internal sealed record RecipeLine(string Name, string Title, string Source);

/// <summary>The recipes inside the tool: the files of recipes/.</summary>
internal static class EmbeddedRecipes
{
    /// <summary>Every recipe, by name.</summary>
    public static ImmutableArray<RecipeLine> All { get; } = [.. RecipeFile.Names.Select(n => Line(n, RecipeFile.Text(n)))];

    /// <summary>What the list shows of a recipe's text.</summary>
    /// <exception cref="JsonException">It is no JSON.</exception>
    public static RecipeLine Line(string name, string text)
    {
        using JsonDocument recipe = JsonDocument.Parse(text, new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true });
        string Key(string key) => recipe.RootElement.TryGetProperty(key, out JsonElement value) ? value.ToString() : "";
        return new RecipeLine(name, Key("title"), Key("source"));
    }
}
