using System.Collections.Immutable;
using Halftone.Onnx;
using Halftone.PostTraining.Plans;
using Halftone.PostTraining.Recipes;
using Halftone.Ranges;

namespace Halftone.PostTraining.Calibration;

/// <summary>A choice of ranges and the plan it leads to.</summary>
/// <param name="Method">Id of the range method, or <see cref="RangeSelection.Mixed"/>.</param>
/// <param name="Plan">The plan.</param>
/// <param name="Agreement">Of its outputs with the float model's; null where there were no samples to compare on.</param>
public sealed record RangeCandidate(string Method, QuantizationPlan Plan, Agreement? Agreement);

/// <summary>Chooses ranges without labels: every candidate is a function of the same statistics, and what brings the outputs nearest to the float model's wins.</summary>
/// <remarks>First one method for all values, then value by value (<see cref="RangeMixing"/>).</remarks>
public static class RangeSelection
{
    /// <summary>Name of a choice of different methods for different values.</summary>
    public const string Mixed = "mixed";

    /// <summary>What "auto" tries; plain min/max comes first and wins ties.</summary>
    public static ImmutableArray<string> Candidates { get; } = ["min-max", "percentile", "mse", "lp", "kl-entropy", "aciq-laplace", "histogram-observer"];

    private const double Clearly = 0.1; // dB that another method must gain on min/max, so that noise does not decide

    /// <summary>Tries the candidates of a recipe.</summary>
    /// <returns>All of them, the winner first.</returns>
    public static ImmutableArray<RangeCandidate> Try(PlanBuilder builder, Recipe recipe, ICalibrationRun run, Action<string>? tell = null, CancellationToken cancel = default)
    {
        if (recipe.Activations.Method != "affine")
        {
            return [Alone(builder, recipe.Activations.Method, new MinMax(), run, cancel)];
        }

        // derived ranges are as good as they are, and without samples nothing could choose
        if (recipe.Activations.Statistics is RecipeStatistics.BatchNorm)
        {
            string range = recipe.Activations.Range == "auto" ? MinMax.Info.Id : recipe.Activations.Range;
            return [Alone(builder, range, RangeMethods.All.Find(range).FromOptions(recipe.Activations.Options ?? RecipeCheck.Empty), run, cancel)];
        }

        bool choose = recipe.Activations.Range == "auto";
        (string Id, IRangeMethod Method)[] methods = choose
            ? [.. Candidates.Select(id => (id, (IRangeMethod)new RememberedRange(RangeMethods.All.Find(id).Default)))]
            : [(recipe.Activations.Range, RangeMethods.All.Find(recipe.Activations.Range).FromOptions(recipe.Activations.Options ?? RecipeCheck.Empty)), ("min-max", RangeMethods.All.Find("min-max").Default)];
        List<RangeCandidate> tried = [];
        foreach ((string id, IRangeMethod method) in methods.DistinctBy(m => m.Id))
        {
            tell?.Invoke(id);
            QuantizationPlan plan = builder.Build(run.Statistics, method, cancel);
            tried.Add(new RangeCandidate(id, plan, run.Compare(plan, cancel)));
        }

        if (!choose)
        {
            return [.. tried];
        }

        RangeCandidate other = tried.Skip(1).MaxBy(c => c.Agreement!.Sqnr)!;
        RangeCandidate best = other.Agreement!.Sqnr > tried[0].Agreement!.Sqnr + Clearly ? other : tried[0];
        RangeCandidate[] rest = [.. tried.Where(c => c != best).OrderByDescending(c => c.Agreement!.Sqnr)];
        tell?.Invoke("different methods for different values");
        Dictionary<string, IRangeMethod> byId = methods.ToDictionary(m => m.Id, m => m.Method);
        RangeCandidate mixed = new RangeMixing(builder, run, [.. rest.Prepend(best).Select(c => byId[c.Method])]).Improve(best, cancel);
        return mixed == best ? [best, .. rest] : [mixed, best, .. rest];
    }

    private static RangeCandidate Alone(PlanBuilder builder, string id, IRangeMethod method, ICalibrationRun run, CancellationToken cancel)
    {
        QuantizationPlan plan = builder.Build(run.Statistics, method, cancel);
        return new RangeCandidate(id, plan, run.JudgedSamples > 0 ? run.Compare(plan, cancel) : null);
    }
}
