using System.Collections.Immutable;
using System.Globalization;
using Halftone.PostTraining.Recipes;

namespace Halftone.PostTraining.Leaderboards;

/// <summary>Bits to cross recipes with.</summary>
/// <param name="Weights">Of weights.</param>
/// <param name="Activations">Of activations; null leaves the recipe's.</param>
public readonly record struct CrossedBits(int Weights, int? Activations)
{
    /// <summary>Reads "4" or "4/8": weights, or weights and activations.</summary>
    /// <exception cref="FormatException">It is neither.</exception>
    public static CrossedBits Parse(string text)
    {
        int[] bits = [.. text.Split('/').Select(part => int.TryParse(part.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out int n) && n is >= 1 and <= 16 ? n : 0)];
        return bits is [> 0] or [> 0, > 0] ? new CrossedBits(bits[0], bits.Length > 1 ? bits[1] : null)
            : throw new FormatException($"'{text}' are no bits; write for example 4, or 4/8 for weights and activations, each from 1 to 16.");
    }

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Weights}") + (Activations is { } a ? string.Create(CultureInfo.InvariantCulture, $"/{a}") : "");
}

/// <summary>What a leaderboard tries.</summary>
/// <param name="Name">The recipe's, and behind an @ the bits it was crossed with.</param>
/// <param name="Recipe">The recipe.</param>
/// <param name="Misfit">Why it is not tried; null where it is.</param>
public sealed record LeaderboardCandidate(string Name, Recipe Recipe, string? Misfit)
{
    /// <summary>Recipes, each with its own bits, or with all of some others where it takes them.</summary>
    /// <param name="recipes">The recipes.</param>
    /// <param name="bits">Bits to cross them with; none leaves each its own.</param>
    public static ImmutableArray<LeaderboardCandidate> Of(IEnumerable<Recipe> recipes, IReadOnlyList<CrossedBits> bits) =>
    [
        .. from recipe in recipes
           from candidate in bits.Count == 0 || recipe.Mode is RecipeMode.Float16 ? [new LeaderboardCandidate(recipe.Name, recipe, null)] : bits.Select(b => Crossed(recipe, b))
           select candidate,
    ];

    private static LeaderboardCandidate Crossed(Recipe recipe, CrossedBits bits)
    {
        string name = $"{recipe.Name}@{bits}";
        if (bits.Activations is not null && recipe.Mode is not RecipeMode.Static)
        {
            return new LeaderboardCandidate(name, recipe, recipe.Mode is RecipeMode.Dynamic ? "activations are quantized by each run's range, to 8 bits" : "activations stay float");
        }

        Recipe crossed = recipe with
        {
            Weights = recipe.Weights with { Bits = bits.Weights },
            Activations = recipe.Activations with { Bits = bits.Activations ?? recipe.Activations.Bits },
        };
        try
        {
            // written and read again, so that it is checked as a file would be
            return new LeaderboardCandidate(name, RecipeFile.Parse(RecipeFile.Write(crossed), name), null);
        }
        catch (ArgumentException error)
        {
            return new LeaderboardCandidate(name, crossed, error.Message);
        }
    }
}
