using System.Collections.Immutable;

namespace Halftone.PostTraining.Recipes;

/// <summary>Which steps of a recipe must not stand in the wrong order, or together.</summary>
internal static class StepOrder
{
    private static readonly (string Earlier, string Later, string Why)[] s_orders =
    [
        ("cross-layer-equalization", "outlier-channel-splitting", "scaling channels that were split apart would move them off the half steps of the grid"),
        ("activation-equalization", "outlier-channel-splitting", "scaling channels that were split apart would move them off the half steps of the grid"),
        ("weight-factorization", "outlier-channel-splitting", "scaling channels that were split apart would move them off the half steps of the grid"),
        ("lapq", "bias-correction", "biases are corrected for the ranges that are used in the end"),
        ("lapq", "iterative-bias-correction", "biases are corrected for the ranges that are used in the end"),
        ("lapq", "analytic-bias-correction", "biases are corrected for the ranges that are used in the end"),
        ("mean-variance-correction", "bias-correction", "biases are corrected for the weights that are used in the end"),
        ("mean-variance-correction", "iterative-bias-correction", "biases are corrected for the weights that are used in the end"),
        ("mean-variance-correction", "analytic-bias-correction", "biases are corrected for the weights that are used in the end"),
    ];

    private static readonly (string One, string Other, string Why)[] s_conflicts =
    [
        ("bias-correction", "analytic-bias-correction", "both take out the same mean error"),
        ("bias-correction", "iterative-bias-correction", "both take out the same mean error"),
        ("iterative-bias-correction", "analytic-bias-correction", "both take out the same mean error"),
        ("cross-layer-equalization", "activation-equalization", "the second would undo the first"),
        ("cross-layer-equalization", "weight-factorization", "the second would undo the first"),
        ("activation-equalization", "weight-factorization", "the second would undo the first"),
    ];

    /// <summary>Every id that is spoken of.</summary>
    internal static IEnumerable<string> Ids => s_orders.SelectMany(o => (string[])[o.Earlier, o.Later]).Concat(s_conflicts.SelectMany(c => (string[])[c.One, c.Other])).Distinct();

    /// <exception cref="RecipeKeyException">Two steps stand in the wrong order, or exclude each other.</exception>
    public static void Validate(Recipe recipe)
    {
        foreach ((string list, ImmutableArray<MethodStep> steps) in ((string, ImmutableArray<MethodStep>)[])[("passes", recipe.Passes), ("corrections", recipe.Corrections)])
        {
            for (int i = 0; i < steps.Length; i++)
            {
                foreach (MethodStep before in steps.Take(i))
                {
                    if (s_orders.FirstOrDefault(o => o.Earlier == steps[i].Id && o.Later == before.Id) is { Why: { } order })
                    {
                        throw new RecipeKeyException($"{list}[{i}]", $"'{steps[i].Id}' must come before '{before.Id}': {order}.");
                    }

                    if (s_conflicts.FirstOrDefault(c => (c.One, c.Other) == (before.Id, steps[i].Id) || (c.Other, c.One) == (before.Id, steps[i].Id)) is { Why: { } conflict })
                    {
                        throw new RecipeKeyException($"{list}[{i}]", $"'{steps[i].Id}' cannot go with '{before.Id}': {conflict}.");
                    }
                }
            }
        }

        bool affine = recipe.Activations.Method == "affine";
        if (!affine && recipe.Corrections.Any(c => c.Id is "lapq"))
        {
            throw new RecipeKeyException("activations.method", $"'lapq' moves the ends of evenly spaced grids, and '{recipe.Activations.Method}' has none: take 'affine'.");
        }
    }
}
