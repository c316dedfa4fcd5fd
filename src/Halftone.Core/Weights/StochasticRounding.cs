using Halftone.Formats;
using Halftone.Numerics;

namespace Halftone.Weights;

/// <summary>The range of each group from its minimum and maximum, and every value on one of its two neighbours, at random so that the mean is the value.</summary>
/// <remarks>code = clamp(floor(v) + [u &lt; v - floor(v)] + zero point), v = w / scale, u uniform from <see cref="Seed"/> and the index of the element.</remarks>
public sealed record StochasticRounding : IWeightMethod, IDescribed
{
    /// <inheritdoc/>
    public static MethodInfo Info { get; } = new("stochastic-rounding", "Stochastic rounding", "Gupta et al. 2015, arXiv:1502.02551");

    /// <summary>Of the random numbers.</summary>
    public int Seed { get; init; }

    /// <inheritdoc/>
    public QuantizedTensor Quantize(WeightView weight, WeightTarget target, LayerStatistics statistics, CancellationToken cancel = default)
    {
        cancel.ThrowIfCancellationRequested();
        AffineParameters[] groups = AffineWeights.FromExtremes(weight, target);
        ReadOnlySpan<float> values = weight.Values.Span;
        var random = new CounterRandom(Seed);
        var codes = new int[values.Length];
        foreach (GroupRun run in target.Granularity.Runs(weight.Shape))
        {
            cancel.ThrowIfCancellationRequested();
            for (int i = 0; i < run.Length; i++)
            {
                int element = run.Start + i;
                AffineParameters group = groups[run.Group + (i * run.Step)];
                double rounded = Rounding.Stochastic((double)values[element] / group.Scale, random.Uniform(element));
                codes[element] = (int)Math.Clamp(rounded + group.ZeroPoint, target.Codes.Min, target.Codes.Max);
            }
        }

        return AffineWeights.Tensor(weight, target, groups, codes);
    }
}
