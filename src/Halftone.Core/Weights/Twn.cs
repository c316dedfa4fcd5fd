using Halftone.Formats;
using Halftone.Numerics;
using Halftone.Statistics;

namespace Halftone.Weights;

/// <summary>Ternary weights: alpha * {-1, 0, 1} for each group, from a threshold in closed form.</summary>
/// <remarks>
/// <para>Delta = <see cref="Threshold"/> * mean|w|; alpha = mean of |w| above Delta; w' = alpha sign(w) where |w| > Delta, else 0. Its squared error is
/// sum w^2 - (sum of |w| above Delta)^2 / their number. With <see cref="Exact"/>, alpha and Delta = alpha / 2 of the least such error (<see cref="ScaleProjection"/>).</para>
/// <para>From: Li, Zhang, Liu 2016, Ternary Weight Networks, arXiv:1605.04711, section 2.2. Codes of 2 bits, whatever the target's.</para>
/// </remarks>
public sealed record Twn : IWeightMethod, IDescribed
{
    private static readonly double[] s_levels = [0, 1];

    /// <inheritdoc/>
    public static MethodInfo Info { get; } = new("twn", "TWN: ternary weights", "Li, Zhang, Liu 2016, arXiv:1605.04711");

    /// <summary>Delta / mean|w|: 0.7 in the paper.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Negative or not finite.</exception>
    public double Threshold
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            ArgumentOutOfRangeException.ThrowIfEqual(double.IsFinite(value), false, nameof(value));
            field = value;
        }
    } = 0.7;

    /// <summary>Whether the threshold is the best one instead.</summary>
    public bool Exact { get; init; }

    /// <inheritdoc/>
    public QuantizedTensor Quantize(WeightView weight, WeightTarget target, LayerStatistics statistics, CancellationToken cancel = default)
    {
        cancel.ThrowIfCancellationRequested();
        var values = new GroupedValues(weight, target.Granularity);
        var codes = new int[weight.Values.Length];
        var scales = new float[values.Count];
        values.ForEach(g => scales[g] = Group(values[g], values.Elements(g), codes), cancel);
        return new AffineTensor(weight.Shape, target.Granularity, new IntegerGrid(2, signed: true).Narrow, codes, [.. scales]);
    }

    private float Group(ReadOnlySpan<float> values, ReadOnlySpan<int> elements, int[] codes)
    {
        double mean = values.IsEmpty ? 0 : Moments.Of(values).Absolute / values.Length;
        double delta = Exact ? ScaleProjection.Best(values, s_levels, s_levels).Scale / 2 : Threshold * mean;
        (double sum, int count) = (0, 0);
        foreach (float v in values)
        {
            bool kept = Math.Abs((double)v) > delta;
            (sum, count) = kept ? (sum + Math.Abs((double)v), count + 1) : (sum, count);
        }

        var alpha = (float)(sum / count);
        if (count == 0 || !float.IsNormal(alpha))
        {
            return 1;
        }

        for (int i = 0; i < values.Length; i++)
        {
            codes[elements[i]] = Math.Abs((double)values[i]) > delta ? Math.Sign(values[i]) : 0;
        }

        return alpha;
    }
}
