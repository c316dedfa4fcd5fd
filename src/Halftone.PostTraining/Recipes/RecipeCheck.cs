using System.Text.Json;
using System.Text.RegularExpressions;
using Halftone.Onnx.Targets;
using Halftone.PostTraining.Correction;
using Halftone.Ranges;
using Halftone.Weights;

namespace Halftone.PostTraining.Recipes;

/// <summary>What a recipe must fulfil beyond its types.</summary>
internal static class RecipeCheck
{
    /// <exception cref="ArgumentException">A value is out of bounds, or an id unknown; the message names the key.</exception>
    public static void Validate(Recipe recipe)
    {
        Require(recipe.Schema == 1, "schema", $"is {recipe.Schema}; this version of Halftone reads 1");
        Require(recipe.Name.Length > 0, "name", "is empty");
        TargetList.Find(recipe.Target);
        Options("weights.options", () => WeightMethods.All.Find(recipe.Weights.Method).FromOptions(recipe.Weights.Options ?? Empty));
        if (recipe.Activations.Range != "auto")
        {
            Options("activations.options", () => RangeMethods.All.Find(recipe.Activations.Range).FromOptions(recipe.Activations.Options ?? Empty));
        }

        foreach (string correction in recipe.Corrections)
        {
            PlanMethods.All.Find(correction);
        }

        Require(recipe.Weights.Bits is null or (>= 1 and <= 16), "weights.bits", "must be 1 to 16");
        Require(recipe.Activations.Bits is null or (>= 1 and <= 16), "activations.bits", "must be 1 to 16");
        Require(recipe.Weights.BlockSize >= 1, "weights.blockSize", "must be at least 1");
        Require(recipe.Weights.MinimumElements >= 0, "weights.minimumElements", "must not be negative");
        foreach (KeepFloat keep in recipe.KeepFloat)
        {
            Require(keep.Op is not null || keep.Name is not null || keep.Place is not null, "keepFloat", "has an entry without op, name or place");
            Require(keep.Place is null or "first" or "last", "keepFloat.place", $"is '{keep.Place}'; it must be 'first' or 'last'");
            Require(keep.Name is null || IsPattern(keep.Name), "keepFloat.name", $"is '{keep.Name}', which is no regular expression");
        }
    }

    internal static JsonElement Empty { get; } = JsonElement.Parse("{}");

    private static bool IsPattern(string text)
    {
        try
        {
            _ = new Regex(text, RegexOptions.None, TimeSpan.FromSeconds(1));
            return true;
        }
        catch (RegexParseException)
        {
            return false;
        }
    }

    private static void Options(string key, Action make)
    {
        try
        {
            make();
        }
        catch (JsonException error)
        {
            throw new ArgumentException($"'{key}' does not fit: {error.Message}", error);
        }
    }

    private static void Require(bool holds, string key, string what)
    {
        if (!holds)
        {
            throw new ArgumentException($"'{key}' {what}.");
        }
    }
}
