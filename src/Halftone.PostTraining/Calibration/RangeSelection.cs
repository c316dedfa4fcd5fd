using System.Collections.Immutable;
using Halftone.Onnx;
using Halftone.PostTraining.Plans;
using Halftone.PostTraining.Recipes;
using Halftone.Ranges;

namespace Halftone.PostTraining.Calibration;

/// <summary>A range method and the plan it leads to.</summary>
/// <param name="Method">Its id.</param>
/// <param name="Plan">The plan.</param>
/// <param name="Agreement">Of its outputs with the float model's.</param>
public sealed record RangeCandidate(string Method, QuantizationPlan Plan, Agreement Agreement);

/// <summary>Chooses the range method without labels: every candidate is a function of the same statistics, and the one whose outputs are nearest to the float model's wins.</summary>
public static class RangeSelection
{
    /// <summary>What "auto" tries; plain min/max comes first and wins ties.</summary>
    public static ImmutableArray<string> Candidates { get; } = ["min-max", "percentile", "mse", "lp", "kl-entropy", "aciq-laplace", "histogram-observer"];

    private const double Clearly = 0.1; // dB that another method must gain on min/max, so that noise does not decide

    /// <summary>Tries the candidates of a recipe.</summary>
    /// <returns>All of them, the winner first.</returns>
    public static ImmutableArray<RangeCandidate> Try(PlanBuilder builder, Recipe recipe, ICalibrationRun run, Action<string>? tell = null, CancellationToken cancel = default)
    {
        (string Id, IRangeMethod Method)[] methods = recipe.Activations.Range == "auto"
            ? [.. Candidates.Select(id => (id, RangeMethods.All.Find(id).Default))]
            : [(recipe.Activations.Range, RangeMethods.All.Find(recipe.Activations.Range).FromOptions(recipe.Activations.Options ?? RecipeCheck.Empty)), ("min-max", RangeMethods.All.Find("min-max").Default)];
        List<RangeCandidate> tried = [];
        foreach ((string id, IRangeMethod method) in methods.DistinctBy(m => m.Id))
        {
            tell?.Invoke(id);
            QuantizationPlan plan = builder.Build(run.Statistics, method, cancel);
            tried.Add(new RangeCandidate(id, plan, run.Compare(plan, cancel)));
        }

        RangeCandidate best = tried[0];
        if (recipe.Activations.Range == "auto")
        {
            RangeCandidate other = tried.Skip(1).MaxBy(c => c.Agreement.Sqnr)!;
            best = other.Agreement.Sqnr > best.Agreement.Sqnr + Clearly ? other : best;
        }

        return [best, .. tried.Where(c => c != best)];
    }
}
