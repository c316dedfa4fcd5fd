using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Halftone.Activations;
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
        Activations(recipe.Activations);
        Require(recipe.LeastSqnr is null or (> 0 and < 100), "leastSqnr", $"It is {recipe.LeastSqnr}, and must be between 0 and 100 dB.");
        Steps("rewrites", LayerRewrites.All, recipe.Rewrites);
        Steps("passes", EqualizationPasses.All, recipe.Passes);
        Steps("corrections", PlanMethods.All, recipe.Corrections);
        StepOrder.Validate(recipe);
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
        Bits(recipe);
    }

    private static void Activations(ActivationRecipe activations)
    {
        Require(activations.InputRange is [] || (activations.InputRange is [var min, var max] && min < max), "activations.inputRange", "It must be two numbers, the smaller first, as in [-1, 1].");
        if (activations.Method != "affine")
        {
            Method("activations", "method", ActivationMethods.All, activations.Method, activations.Options);
            Require(activations.Range == "auto", "activations.range", $"'{activations.Method}' chooses its levels itself: a range goes with the method 'affine' alone.");
        }
        else if (activations.Range != "auto")
        {
            Method("activations", "range", RangeMethods.All, activations.Range, activations.Options);
        }
        else
        {
            Require(activations.Options is null, "activations.options", "'auto' tries several methods and has no options: name one method.");
        }
    }

    private static void Steps<T>(string list, MethodList<T> methods, ImmutableArray<MethodStep> steps)
        where T : class
    {
        for (int i = 0; i < steps.Length; i++)
        {
            string at = $"{list}[{i}]";
            Require(!steps.Take(i).Any(s => s.Id == steps[i].Id), at, $"'{steps[i].Id}' is there twice.");
            Entry(at, () => methods.Find(steps[i].Id), $"{at}.{steps[i].Id}", steps[i].Options);
        }
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
            Filter($"keepFloat[{i}]", keep);
        }
    }

    private static void Bits(Recipe recipe)
    {
        for (int i = 0; i < recipe.Bits.Length; i++)
        {
            NodeBits bits = recipe.Bits[i];
            string at = $"bits[{i}]";
            Filter(at, bits);
            Require(bits.Weights is not null || bits.Activations is not null || bits.Outputs is not null, at, "It has neither weights, activations nor outputs, and would change nothing.");
            Require(bits.Weights is null or (>= 1 and <= 16), $"{at}.weights", $"It is {bits.Weights}, and must be 1 to 16.");
            Require(bits.Activations is null or (>= 1 and <= 16), $"{at}.activations", $"It is {bits.Activations}, and must be 1 to 16.");
            Require(bits.Outputs is null or (>= 1 and <= 16), $"{at}.outputs", $"It is {bits.Outputs}, and must be 1 to 16.");
        }
    }

    private static void Filter(string at, NodeFilter filter)
    {
        Require(filter.Place is null or "first" or "last", $"{at}.place", $"It is '{filter.Place}', and must be 'first' or 'last'.");
        if (filter.Name is { } pattern)
        {
            Known($"{at}.name", () => Regex.IsMatch("", pattern, RegexOptions.None, TimeSpan.FromSeconds(1)));
        }
    }

    // option by option, so that the one that is wrong can be named
    private static void Method<T>(string part, string key, MethodList<T> list, string id, JsonElement? options)
        where T : class => Entry($"{part}.{key}", () => list.Find(id), $"{part}.options", options);

    private static void Entry<T>(string idAt, Func<MethodEntry<T>> find, string optionsAt, JsonElement? options)
        where T : class
    {
        MethodEntry<T> entry = null!;
        Known(idAt, () => entry = find());
        if (options is not { } given)
        {
            return;
        }

        Require(given.ValueKind is JsonValueKind.Object, optionsAt, $"They must be an object in braces, not {given.GetRawText()}.");
        foreach (JsonProperty option in given.EnumerateObject())
        {
            var alone = new JsonObject { [option.Name] = JsonNode.Parse(option.Value.GetRawText()) };
            string at = $"{optionsAt}.{option.Name}";
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
