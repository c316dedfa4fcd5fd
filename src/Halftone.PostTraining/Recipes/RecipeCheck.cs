using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Halftone.Onnx.Export;
using Halftone.Onnx.Targets;
using Halftone.PostTraining.Correction;
using Halftone.PostTraining.Equalization;
using Halftone.Ranges;
using Halftone.Weights;

namespace Halftone.PostTraining.Recipes;

/// <summary>A key of a recipe has a value that cannot be.</summary>
internal sealed class RecipeKeyException(string key, string message, Exception? inner = null) : ArgumentException(message, inner)
{
    /// <summary>Where it stands: weights.options.steps, keepFloat[1].name.</summary>
    public string Key { get; } = key;
}

/// <summary>What a recipe must fulfil beyond its types.</summary>
internal static class RecipeCheck
{
    internal static JsonElement Empty { get; } = JsonElement.Parse("{}");

    /// <exception cref="RecipeKeyException">A value is out of bounds, or an id unknown.</exception>
    public static void Validate(Recipe recipe)
    {
        Require(recipe.Schema == 1, "schema", $"It is {recipe.Schema}, and this version of Halftone reads 1.");
        Require(recipe.Name.Length > 0, "name", "It is empty.");
        Known("target", () => TargetList.Find(recipe.Target));
        Method("weights", "method", WeightMethods.All, recipe.Weights.Method, recipe.Weights.Options);
        if (recipe.Activations.Range != "auto")
        {
            Method("activations", "range", RangeMethods.All, recipe.Activations.Range, recipe.Activations.Options);
        }

        Require(recipe.Activations.Range != "auto" || recipe.Activations.Options is null, "activations.options", "'auto' tries several methods and has no options: name one method.");
        Require(recipe.LeastSqnr is null or (> 0 and < 100), "leastSqnr", $"It is {recipe.LeastSqnr}, and must be between 0 and 100 dB.");
        for (int i = 0; i < recipe.Passes.Length; i++)
        {
            Known($"passes[{i}]", () => EqualizationPasses.All.Find(recipe.Passes[i]));
        }

        for (int i = 0; i < recipe.Corrections.Length; i++)
        {
            Known($"corrections[{i}]", () => PlanMethods.All.Find(recipe.Corrections[i]));
        }

        Require(recipe.Weights.Bits is null or (>= 1 and <= 16), "weights.bits", $"It is {recipe.Weights.Bits}, and must be 1 to 16.");
        Require(recipe.Activations.Bits is null or (>= 1 and <= 16), "activations.bits", $"It is {recipe.Activations.Bits}, and must be 1 to 16.");
        Require(recipe.Weights.BlockSize >= 1, "weights.blockSize", $"It is {recipe.Weights.BlockSize}, and must be at least 1.");
        Require(recipe.Weights.MinimumElements >= 0, "weights.minimumElements", $"It is {recipe.Weights.MinimumElements}, and must not be negative.");
        Require(recipe.Weights.Granularity is not RecipeGranularity.Network || recipe.Weights.Symmetric, "weights.granularity", "'network' needs symmetric weights: one scale for all leaves no room for zero points.");
        Require(recipe.Activations.SmallestScale is null or (>= 0 and <= float.MaxValue), "activations.smallestScale", $"It is {recipe.Activations.SmallestScale}, and must not be negative.");
        Require(
            recipe.Mode is RecipeMode.Float16 == recipe.Format is ModelFormat.Float16 && recipe.Format is not ModelFormat.Float,
            "format",
            recipe.Mode is RecipeMode.Float16 ? "With mode 'float16' it must be 'float16'." : "'float' and 'float16' would undo the quantization: take mode 'float16', or another format.");
        Operators(recipe);
        KeepFloats(recipe);
    }

    private static void Operators(Recipe recipe)
    {
        string[] known = [.. TargetList.All.SelectMany(t => t.Operators.Keys).Append("Gather").Distinct().Order(StringComparer.Ordinal)];
        for (int i = 0; i < recipe.Operators.Length; i++)
        {
            string op = recipe.Operators[i];
            Require(known.Contains(op), $"operators[{i}]", $"No target computes '{op}' in integers. Did you mean '{Spelling.Nearest(op, known)}'?");
        }
    }

    private static void KeepFloats(Recipe recipe)
    {
        for (int i = 0; i < recipe.KeepFloat.Length; i++)
        {
            KeepFloat keep = recipe.KeepFloat[i];
            Require(keep.Op is not null || keep.Name is not null || keep.Place is not null, $"keepFloat[{i}]", "It has neither op, name nor place, and would keep everything float.");
            Require(keep.Place is null or "first" or "last", $"keepFloat[{i}].place", $"It is '{keep.Place}', and must be 'first' or 'last'.");
            if (keep.Name is { } pattern)
            {
                Known($"keepFloat[{i}].name", () => Regex.IsMatch("", pattern, RegexOptions.None, TimeSpan.FromSeconds(1)));
            }
        }
    }

    // option by option, so that the one that is wrong can be named
    private static void Method<T>(string part, string key, MethodList<T> list, string id, JsonElement? options)
        where T : class
    {
        MethodEntry<T> entry = null!;
        Known($"{part}.{key}", () => entry = list.Find(id));
        if (options is not { } given)
        {
            return;
        }

        Require(given.ValueKind is JsonValueKind.Object, $"{part}.options", $"They must be an object in braces, not {given.GetRawText()}.");
        foreach (JsonProperty option in given.EnumerateObject())
        {
            var alone = new JsonObject { [option.Name] = JsonNode.Parse(option.Value.GetRawText()) };
            string at = $"{part}.options.{option.Name}";
            try
            {
                entry.FromOptions(JsonSerializer.SerializeToElement(alone));
            }
            catch (JsonException error) when (error.Path is not null)
            {
                throw new RecipeKeyException(at, RecipeText.Misfit(option.Value, entry.Type.GetProperties().First(p => p.Name.Equals(option.Name, StringComparison.OrdinalIgnoreCase)).PropertyType), error);
            }
            catch (Exception error) when (error is JsonException or ArgumentException)
            {
                throw new RecipeKeyException(at, RecipeText.WithoutParameter(error.Message), error);
            }
        }
    }

    private static void Known(string key, Action find)
    {
        try
        {
            find();
        }
        catch (ArgumentException error)
        {
            throw new RecipeKeyException(key, error.Message, error);
        }
    }

    private static void Require(bool holds, string key, string what)
    {
        if (!holds)
        {
            throw new RecipeKeyException(key, what);
        }
    }
}
