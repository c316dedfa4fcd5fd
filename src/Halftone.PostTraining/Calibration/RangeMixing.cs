using Halftone.Onnx;
using Halftone.PostTraining.Plans;
using Halftone.Ranges;
using Halftone.Statistics;

namespace Halftone.PostTraining.Calibration;

/// <summary>Gives single values other ranges than the method that is best for all, where the outputs come nearer to the float model's.</summary>
/// <remarks>
/// Value by value, those first of which the methods think most differently, another method's range, or the chosen one with one end drawn in, is taken where the
/// outputs gain by it: what lies behind a PRelu, say, makes little of values far below zero. A bound on the work, which depends on the model alone, ends it, so
/// that the result does not depend on the machine.
/// </remarks>
internal sealed class RangeMixing(PlanBuilder builder, ICalibrationRun run, IRangeMethod[] methods)
{
    private const double Gain = 0.02; // dB that a change must gain
    private const int MostTrials = 200;
    private const double Work = 3e10; // multiply-accumulates of all trials; about a second
    private const double Alike = 0.02; // ranges that differ less, relative to their width, are tried once
    private static readonly double[] s_shares = [0.7, 0.5, 0.35];

    private readonly Dictionary<string, IRangeMethod> _chosen = builder.Heads.ToDictionary(h => h, _ => methods[0]);

    /// <summary>The best there is; never further from the float model than where it starts.</summary>
    /// <param name="best">The plan of the first method.</param>
    /// <param name="cancel">Stops at once.</param>
    public RangeCandidate Improve(RangeCandidate best, CancellationToken cancel)
    {
        RangeCandidate now = best;
        int left = Trials();
        foreach (string head in MostDisputed())
        {
            foreach (IRangeMethod[] others in (IRangeMethod[][])[methods, Drawn(_chosen[head])])
            {
                List<ClipRange> seen = [Range(head, _chosen[head])];
                foreach (IRangeMethod method in others.Where(m => left > 0 && !seen.Any(s => Near(s, Range(head, m)))))
                {
                    seen.Add(Range(head, method));
                    left--;
                    RangeCandidate tried = Try(h => h == head ? method : _chosen[h], cancel);
                    if (Gains(tried, now))
                    {
                        (now, _chosen[head]) = (tried, method);
                    }
                }
            }
        }

        return now;
    }

    private RangeCandidate Try(Func<string, IRangeMethod> method, CancellationToken cancel)
    {
        QuantizationPlan plan = builder.Build(run.Statistics, method, cancel);
        return new RangeCandidate(RangeSelection.Mixed, plan, run.Compare(plan, cancel));
    }

    private static bool Gains(RangeCandidate tried, RangeCandidate now) => tried.Agreement!.Sqnr > now.Agreement!.Sqnr + Gain;

    private int Trials()
    {
        double macs = run.Model.Graph.Nodes.Sum(n => (double)Macs.Of(run.Model.Graph, n, run.Values));
        return (int)Math.Min(MostTrials, Work / Math.Max(1, macs * run.JudgedSamples));
    }

    // values of which the methods' widths differ most first
    private string[] MostDisputed() =>
    [
        .. _chosen.Keys.Order(StringComparer.Ordinal).OrderByDescending(head =>
        {
            double[] widths = [.. methods.Select(m => Range(head, m)).Select(r => Math.Max(r.Max - r.Min, double.Epsilon))];
            return widths.Max() / widths.Min();
        }),
    ];

    private ClipRange Range(string head, IRangeMethod method) => method.Estimate(run.Statistics[head], builder.GridOf(head));

    private static bool Near(ClipRange a, ClipRange b) => Math.Abs(a.Min - b.Min) + Math.Abs(a.Max - b.Max) <= Alike * (a.Max - a.Min);

    private static IRangeMethod[] Drawn(IRangeMethod method) =>
        [.. s_shares.Select(share => new DrawnRange(method, share, 1)), .. s_shares.Select(share => new DrawnRange(method, 1, share))];

    /// <summary>Another method's range with an end drawn in.</summary>
    private sealed record DrawnRange(IRangeMethod Method, double Low, double High) : IRangeMethod
    {
        public ClipRange Estimate(TensorStatistics statistics, QuantizationGrid grid)
        {
            ClipRange range = Method.Estimate(statistics, grid);
            return new ClipRange(Low * Math.Min(range.Min, 0), High * Math.Max(range.Max, 0));
        }
    }
}
