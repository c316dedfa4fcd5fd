using System.Collections.Immutable;
using Halftone.Onnx;
using Halftone.PostTraining.Plans;
using Halftone.PostTraining.Recipes;
using Halftone.Ranges;
using Halftone.Statistics;

namespace Halftone.PostTraining.Calibration;

/// <summary>A choice of ranges and the plan it leads to.</summary>
/// <param name="Method">Id of the range method, or <see cref="RangeSelection.Mixed"/>.</param>
/// <param name="Plan">The plan.</param>
/// <param name="Agreement">Of its outputs with the float model's.</param>
public sealed record RangeCandidate(string Method, QuantizationPlan Plan, Agreement Agreement);

/// <summary>Chooses ranges without labels: every candidate is a function of the same statistics, and what brings the outputs nearest to the float model's wins.</summary>
/// <remarks>
/// First one method for all values. Then, value by value, those first of which the methods think most differently, another method's range, or one with one end drawn in,
/// is taken where the outputs gain by it; as many trials as a bound on the work allows, which depends on the model alone, so that the result does not depend on the machine.
/// </remarks>
public static class RangeSelection
{
    /// <summary>Name of a choice of different methods for different values.</summary>
    public const string Mixed = "mixed";

    /// <summary>What "auto" tries; plain min/max comes first and wins ties.</summary>
    public static ImmutableArray<string> Candidates { get; } = ["min-max", "percentile", "mse", "lp", "kl-entropy", "aciq-laplace", "histogram-observer"];

    private const double Clearly = 0.1; // dB that another method must gain on min/max, so that noise does not decide
    private const double Gain = 0.02; // dB that a change of one value's range must gain
    private const int MostTrials = 200;
    private const double Work = 3e10; // multiply-accumulates of all trials; about a second
    private static readonly double[] s_shares = [0.7, 0.5, 0.35];
    private const double Alike = 0.02; // ranges that differ less, relative to their width, are tried once

    /// <summary>Tries the candidates of a recipe.</summary>
    /// <returns>All of them, the winner first.</returns>
    public static ImmutableArray<RangeCandidate> Try(PlanBuilder builder, Recipe recipe, ICalibrationRun run, Action<string>? tell = null, CancellationToken cancel = default)
    {
        bool choose = recipe.Activations.Range == "auto";
        (string Id, IRangeMethod Method)[] methods = choose
            ? [.. Candidates.Select(id => (id, RangeMethods.All.Find(id).Default))]
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

        RangeCandidate other = tried.Skip(1).MaxBy(c => c.Agreement.Sqnr)!;
        RangeCandidate best = other.Agreement.Sqnr > tried[0].Agreement.Sqnr + Clearly ? other : tried[0];
        RangeCandidate[] rest = [.. tried.Where(c => c != best).OrderByDescending(c => c.Agreement.Sqnr)];
        tell?.Invoke("different methods for different values");
        RangeCandidate mixed = Mix(builder, best, [.. rest.Prepend(best).Select(c => RangeMethods.All.Find(c.Method).Default)], run, cancel);
        return mixed == best ? [best, .. rest] : [mixed, best, .. rest];
    }

    private static RangeCandidate Mix(PlanBuilder builder, RangeCandidate best, IRangeMethod[] methods, ICalibrationRun run, CancellationToken cancel)
    {
        Dictionary<string, IRangeMethod> chosen = builder.Heads.ToDictionary(h => h, _ => methods[0]);
        RangeCandidate now = best;
        int left = MostOf(run);
        Dictionary<string, IRangeMethod> before = new(chosen);
        foreach (string head in chosen.Keys.ToArray())
        {
            chosen[head] = NegativeSlopes.Behind(run.Model.Graph, head) is { } weight ? new LeastSquares { NegativeWeight = weight } : chosen[head];
        }

        QuantizationPlan lean = builder.Build(run.Statistics, h => chosen[h], cancel);
        if (run.Compare(lean, cancel) is var agreementOfLean && agreementOfLean.Sqnr > now.Agreement.Sqnr + Gain)
        {
            now = new RangeCandidate(Mixed, lean, agreementOfLean);
        }
        else
        {
            chosen = before;
        }

        foreach (string head in MostDisputed(builder, methods, run))
        {
            foreach (IRangeMethod[] others in (IRangeMethod[][])[methods, Sides(chosen[head])])
            {
                List<ClipRange> seen = [Range(chosen[head])];
                foreach (IRangeMethod method in others.Where(m => left > 0 && !seen.Any(s => Near(s, Range(m)))))
                {
                    seen.Add(Range(method));
                    left--;
                    QuantizationPlan plan = builder.Build(run.Statistics, h => h == head ? method : chosen[h], cancel);
                    Agreement agreement = run.Compare(plan, cancel);
                    if (agreement.Sqnr > now.Agreement.Sqnr + Gain)
                    {
                        now = new RangeCandidate(Mixed, plan, agreement);
                        chosen[head] = method;
                    }
                }
            }

            ClipRange Range(IRangeMethod method) => method.Estimate(run.Statistics[head], builder.ActivationGrid);
        }

        return now;
    }

    // one end drawn in alone: what lies behind a PRelu, say, makes little of values far below zero
    private static IRangeMethod[] Sides(IRangeMethod method) =>
    [
        .. s_shares.Select(share => new Drawn(method, share, 1)), .. s_shares.Select(share => new Drawn(method, 1, share)),
    ];

    private static int MostOf(ICalibrationRun run)
    {
        double macs = run.Model.Graph.Nodes.Sum(n => (double)Macs.Of(run.Model.Graph, n, run.Values));
        return (int)Math.Min(MostTrials, Work / Math.Max(1, macs * run.JudgedSamples));
    }

    // values of which the methods' widths differ most first
    private static IEnumerable<string> MostDisputed(PlanBuilder builder, IRangeMethod[] methods, ICalibrationRun run) =>
        builder.Heads.Order(StringComparer.Ordinal).OrderByDescending(head =>
        {
            double[] widths = [.. methods.Select(m => m.Estimate(run.Statistics[head], builder.ActivationGrid)).Select(r => Math.Max(r.Max - r.Min, double.Epsilon))];
            return widths.Max() / widths.Min();
        });

    private static bool Near(ClipRange a, ClipRange b) => Math.Abs(a.Min - b.Min) + Math.Abs(a.Max - b.Max) <= Alike * (a.Max - a.Min);

    /// <summary>Shares of another method's range.</summary>
    private sealed record Drawn(IRangeMethod Method, double Low, double High) : IRangeMethod
    {
        public ClipRange Estimate(TensorStatistics statistics, QuantizationGrid grid)
        {
            ClipRange range = Method.Estimate(statistics, grid);
            return new ClipRange(Low * Math.Min(range.Min, 0), High * Math.Max(range.Max, 0));
        }
    }
}
