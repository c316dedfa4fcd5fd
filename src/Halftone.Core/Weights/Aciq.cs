using Halftone.Formats;
using Halftone.Numerics;
using Halftone.Statistics;

namespace Halftone.Weights;

/// <summary>Evenly spaced levels from minimum to maximum of each group, more bits for groups that spread more, and each output channel's mean and deviation restored.</summary>
/// <remarks>
/// <para>Group g of M_g bits: w' = min + s q, s = (max - min) / (2^M_g - 1), q = round((w - min) / s); 0 bits leave the mean. M_g by <see cref="BitAllocation"/> from the standard
/// deviations, where the target has at most <see cref="AllocatedUpTo"/> bits; then <see cref="MeanVarianceCorrection"/>. Every group has an offset, so there are no zero points
/// and the target's symmetry plays no part.</para>
/// <para>From: Banner, Nahshan, Soudry 2019, Post-training 4-bit quantization of convolution networks for rapid-deployment, arXiv:1810.05723, sections 3.2 and 4; its weights are not clipped.</para>
/// </remarks>
public sealed record Aciq : IWeightMethod, IDescribed
{
    /// <inheritdoc/>
    public static MethodInfo Info { get; } = new("aciq", "ACIQ: bits per channel and bias correction", "Banner, Nahshan, Soudry 2019, arXiv:1810.05723");

    /// <summary>The most bits of a target that are shared out among groups; 0 never shares them.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Negative or above 8.</exception>
    public int AllocatedUpTo
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(value, 8);
            field = value;
        }
    } = 4;

    /// <summary>Whether mean and deviation of each output channel are restored.</summary>
    public bool Correct { get; init; } = true;

    /// <inheritdoc/>
    public QuantizedTensor Quantize(WeightView weight, WeightTarget target, LayerStatistics statistics, CancellationToken cancel = default)
    {
        cancel.ThrowIfCancellationRequested();
        int width = target.BitsWithin(1, 8, Info);
        var values = new GroupedValues(weight, target.Granularity);
        var means = new double[values.Count];
        var spreads = new double[values.Count];
        values.ForEach(
            g =>
            {
                var moments = Moments.Of(values[g]);
                (means[g], spreads[g]) = (moments.Mean, Math.Sqrt(moments.Variance));
            },
            cancel);
        int[] bits = width <= AllocatedUpTo ? BitAllocation.Bits(spreads, width) : [.. spreads.Select(_ => width)];
        var codes = new int[weight.Values.Length];
        var scales = new float[values.Count];
        var offsets = new float[values.Count];
        for (int g = 0; g < values.Count; g++)
        {
            (double min, double max) = (values.Extremes.Min[g], values.Extremes.Max[g]);
            int steps = (1 << bits[g]) - 1;
            var scale = (float)Math.Min((max - min) / steps, float.MaxValue);
            bool flat = steps == 0 || !float.IsNormal(scale);
            (scales[g], offsets[g]) = flat ? (1, (float)means[g]) : (scale, (float)min);
            for (int i = 0; i < values[g].Length && !flat; i++)
            {
                codes[values.Elements(g)[i]] = (int)Math.Clamp(Rounding.NearestEven((values[g][i] - min) / scale), 0, steps);
            }
        }

        var grid = new IntegerGrid(Math.Max(bits.DefaultIfEmpty(width).Max(), 1), signed: false);
        var made = new AffineTensor(weight.Shape, target.Granularity, grid, codes, [.. scales], offsets: [.. offsets], bits: [.. bits.Select(b => (byte)b)]);
        return Correct ? MeanVarianceCorrection.Corrected(made, weight) : made;
    }
}
