using Halftone.Formats;
using Halftone.Numerics;

namespace Halftone.Weights;

/// <summary>Evenly spaced levels over [-alpha, alpha], alpha from two moments of each group in closed form.</summary>
/// <remarks>
/// <para>alpha = c1 sqrt(E w^2) + c2 E|w|; where that is not above 0, max|w|. c1 and c2 are regressed on the best clips of distributions of the field, for each number of levels: 2^bits
/// levels (2 to 5 bits; codes at halves, none for 0), or 2^bits - 1 levels with 0 among them (2, 4 and 7 bits). From 6 bits on, 2^bits levels span max|w|, since that regression no longer holds.</para>
/// <para>From: Choi et al. 2018, Bridging the Accuracy Gap for 2-bit Quantized Neural Networks, arXiv:1807.06964, section 3, whose 2-bit pair is 3.2 and -2.1, rounded; the pairs here are those of its authors'
/// fms-model-optimizer. A group of zeros keeps a scale of 2^-125, for no code at halves is 0.</para>
/// </remarks>
public sealed record Sawb : IWeightMethod, IDescribed
{
    private const float Least = 2.3509887e-38f; // 2^-125: half of it is still normal

    /// <inheritdoc/>
    public static MethodInfo Info { get; } = new("sawb", "SAWB: statistics-aware weight binning", "Choi et al. 2018, arXiv:1807.06964");

    /// <summary>Whether 0 is a level: 2^bits - 1 levels instead of 2^bits.</summary>
    public bool ZeroAligned { get; init; }

    /// <inheritdoc/>
    public QuantizedTensor Quantize(WeightView weight, WeightTarget target, LayerStatistics statistics, CancellationToken cancel = default)
    {
        cancel.ThrowIfCancellationRequested();
        int bits = target.BitsWithin(ZeroAligned ? 2 : 1, ZeroAligned ? 7 : 8, Info);
        (double First, double Second)? pair = Coefficients(bits);
        if (pair is null && ZeroAligned)
        {
            throw new ArgumentException($"'sawb' with a level at 0 takes 2, 4 or 7 bits, not {bits}.");
        }

        IntegerGrid grid = ZeroAligned ? new IntegerGrid(bits, signed: true).Narrow : new IntegerGrid(bits, signed: true);
        var values = new GroupedValues(weight, target.Granularity);
        var codes = new int[weight.Values.Length];
        var scales = new float[values.Count];
        values.ForEach(
            g =>
            {
                double alpha = Alpha(values[g], pair);
                double scale = 2 * alpha / (grid.Levels - 1);
                scales[g] = scale >= Least ? (float)Math.Min(scale, float.MaxValue) : ZeroAligned ? 1 : Least;
                for (int i = 0; i < values[g].Length; i++)
                {
                    double steps = (double)values[g][i] / scales[g];
                    double code = ZeroAligned ? Rounding.NearestEven(steps) : Math.Floor(steps); // q + 1/2 is nearest for steps in [q, q + 1)
                    codes[values.Elements(g)[i]] = (int)Math.Clamp(code, grid.Min, grid.Max);
                }
            },
            cancel);
        return new AffineTensor(weight.Shape, target.Granularity, grid, codes, [.. scales], halfCodes: !ZeroAligned);
    }

    private (double First, double Second)? Coefficients(int bits) => (ZeroAligned, bits) switch
    {
        (false, 1) => (0, 1), // of two levels the best are +-E|w|, whatever the distribution
        (false, 2) => (3.12, -2.064),
        (false, 3) => (7.509, -6.892),
        (false, 4) => (12.68, -12.80),
        (false, 5) => (17.74, -18.64),
        (true, 2) => (2.6, -1.71),
        (true, 4) => (12.035, -12.03),
        (true, 7) => (28.24, -30.81),
        _ => null,
    };

    private static double Alpha(ReadOnlySpan<float> values, (double First, double Second)? pair)
    {
        (double squares, double sum, double greatest) = (0, 0, 0);
        foreach (float v in values)
        {
            squares += (double)v * v;
            sum += Math.Abs((double)v);
            greatest = Math.Max(greatest, Math.Abs((double)v));
        }

        double alpha = pair is { } c && values.Length > 0 ? (c.First * Math.Sqrt(squares / values.Length)) + (c.Second * sum / values.Length) : 0;
        return alpha > 0 ? alpha : greatest;
    }
}
