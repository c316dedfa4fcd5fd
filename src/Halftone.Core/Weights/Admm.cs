using Halftone.Formats;
using Halftone.Numerics;
using Halftone.Statistics;

namespace Halftone.Weights;

/// <summary>The projection of a weight onto alpha * {0, +-1, +-2, +-4, ..} (ternary, or shifts alone), alpha > 0 for each group.</summary>
/// <remarks>
/// <para>argmin over alpha and levels of |v - alpha q|^2. With 1 bit q is the sign, with b bits q is 0 or +-2^k, k = 0 .. 2^(b-1) - 2, or up to <see cref="LargestPower"/>: 2 bits are ternary, 3 bits {0, +-1, +-2, +-4}.</para>
/// <para>From: Leng, Li, Zhu, Jin 2018, Extremely Low Bit Neural Network: Squeeze the Last Bit Out with ADMM, arXiv:1707.09870, section 3.3: alternately q = nearest level of v / alpha and
/// alpha = v q / q q. That ends where it starts to: from mean|v| it errs 1.4 times the least error with {0, +-1, +-2, +-4}. So the exact projection is the default
/// (<see cref="ScaleProjection"/>), and alternation takes several starts. The step that training takes between projections is no part of this.</para>
/// </remarks>
public sealed record Admm : IWeightMethod, IDescribed
{
    /// <inheritdoc/>
    public static MethodInfo Info { get; } = new("admm", "ADMM projection: ternary and powers of two", "Leng et al. 2018, arXiv:1707.09870");

    /// <summary>Starts of the alternation, 1 or more; 0 for the exact projection.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Negative.</exception>
    public int Starts
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            field = value;
        }
    }

    /// <summary>The exponent of the largest level: 1 for {0, +-1, +-2}; null for what the bits hold.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Negative or above 14.</exception>
    public int? LargestPower
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfEqual(value is < 0 or > 14, true, nameof(value));
            field = value;
        }
    }

    /// <inheritdoc/>
    public QuantizedTensor Quantize(WeightView weight, WeightTarget target, LayerStatistics statistics, CancellationToken cancel = default)
    {
        cancel.ThrowIfCancellationRequested();
        int bits = target.BitsWithin(1, 5, Info);
        var values = new GroupedValues(weight, target.Granularity);
        if (bits == 1)
        {
            return Bwn.Signs(weight, values, target.Granularity);
        }

        int most = (1 << (bits - 1)) - 2;
        int power = Math.Min(LargestPower ?? most, most);
        double[] levels = [0, .. Enumerable.Range(0, power + 1).Select(k => (double)(1 << k))];
        var codes = new int[weight.Values.Length];
        var scales = new float[values.Count];
        values.ForEach(
            g =>
            {
                var scale = (float)Project(values[g], levels);
                scales[g] = float.IsNormal(scale) ? scale : 1;
                for (int i = 0; i < values[g].Length; i++)
                {
                    codes[values.Elements(g)[i]] = Nearest(values[g][i] / (double)scales[g], power);
                }
            },
            cancel);
        var grid = new IntegerGrid(power + 2, signed: true);
        return new AffineTensor(weight.Shape, target.Granularity, grid.Narrow, codes, [.. scales], bits: [.. scales.Select(_ => (byte)bits)]);
    }

    private double Project(ReadOnlySpan<float> values, double[] levels)
    {
        if (Starts == 0)
        {
            return ScaleProjection.Best(values, levels, levels).Scale;
        }

        double mean = values.IsEmpty ? 0 : Moments.Of(values).Absolute / values.Length;

        // from the mean, where all values take the lowest level but 0, down to where it is the highest
        ScaleFit best = new(0, double.PositiveInfinity);
        for (int start = 0; start < Starts && mean > 0; start++)
        {
            ScaleFit fit = ScaleProjection.Alternation(values, levels, levels, mean * Math.Pow(levels[^1], -(double)start / Math.Max(Starts - 1, 1)));
            best = fit.SquaredError < best.SquaredError ? fit : best;
        }

        return best.Scale;
    }

    private static int Nearest(double steps, int power)
    {
        double magnitude = Math.Abs(steps);
        int level = 0;
        for (int k = 0; k <= power && magnitude > (level + (1 << k)) / 2.0; k++)
        {
            level = 1 << k;
        }

        return Math.Sign(steps) * level;
    }
}
