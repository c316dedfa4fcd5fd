using Halftone.Formats;
using Halftone.Numerics;
using Halftone.Ranges;
using Halftone.Statistics;

namespace Halftone.Activations;

/// <summary>Levels v e, fitted to the histogram by turns of assignment and least squares (<see cref="BinaryLevels"/>): e in {0, 1}^K for values of one sign, as after a ReLU, else {-1, +1}^K; K the bits.</summary>
/// <remarks>From: Zhang, Yang, Ye, Hua 2018, LQ-Nets, arXiv:1807.10029, section 3.2. The start is its code's, v_j = 2^j * 2 * 0.6745 / (2^K - 1) (one sign) or 2^j 0.6745 / 2^(K-1), times the root mean square, for one sign of the values that are not 0.
/// Products with weights of <see cref="Weights.LqNets"/> are bit counts.</remarks>
public sealed record LqNetsActivation : IActivationMethod, IDescribed
{
    private const double UpperQuartile = 0.6745; // of a normal distribution

    /// <inheritdoc/>
    public static MethodInfo Info { get; } = new("lq-nets", "LQ-Nets: learned levels (QEM)", "Zhang et al. 2018, arXiv:1807.10029");

    /// <inheritdoc/>
    public ActivationQuantizer Choose(TensorStatistics statistics, int bits)
    {
        int bases = ActivationBits.Within(bits, 1, 4, Info);
        var points = ValuePoints.Of(statistics);
        bool signed = statistics.Min < 0 && statistics.Max > 0;
        int side = !signed && statistics.Min < 0 ? -1 : 1;
        double spread = signed ? Math.Sqrt(statistics.Variance + (statistics.Mean * statistics.Mean)) : AnalyticClipping.Deviation(statistics);
        double first = side * spread * UpperQuartile * (signed ? Math.ScaleB(1, 1 - bases) : 2.0 / ((1 << bases) - 1));
        double[] v = new BinaryLevels(points.Values, points.Counts, signed).Fit([.. Enumerable.Range(0, bases).Select(j => Math.ScaleB(first, j))]);
        return LevelLists.Nearest(BinaryLevels.Of(v, signed).Select(l => l.Level));
    }
}
