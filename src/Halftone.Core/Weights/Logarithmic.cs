using Halftone.Formats;
using Halftone.Numerics;

namespace Halftone.Weights;

/// <summary>Bases of logarithmic levels.</summary>
public enum LogarithmBase
{
    /// <summary>Powers of 2: a product is a shift.</summary>
    Two,

    /// <summary>Powers of the root of 2: a shift, and for every other level one product with the root.</summary>
    RootOfTwo,
}

/// <summary>Signed powers of 2 or of its root, and 0: rounded in the logarithm, below a full scale that is searched for each group or given.</summary>
/// <remarks>
/// <para>w' = sign(w) 2^e, e = round(log2|w|), at most FSR - 1; 0 where e is below the least of the 2^(bits-1) - 1 exponents that the bits hold beside sign and 0 (<see cref="LogarithmicLevels"/>).
/// FSR, an integer, is that with the least squared error; of equals the highest.</para>
/// <para>From: Miyashita, Lee, Murmann 2016, Convolutional Neural Networks using Logarithmic Data Representation, arXiv:1603.01025, section 3. Its b bits have a sign bit besides where
/// there are signs; here it is one of the target's. More bits reach further down, not finer: the error of a value is up to 41 % (19 % with the root of 2) whatever the bits.</para>
/// </remarks>
public sealed record Logarithmic : IWeightMethod, IDescribed
{
    /// <inheritdoc/>
    public static MethodInfo Info { get; } = new("logarithmic", "Logarithmic weights", "Miyashita, Lee, Murmann 2016, arXiv:1603.01025");

    /// <summary>The base.</summary>
    public LogarithmBase Base { get; init; }

    /// <summary>FSR: the largest level is below 2^FSR, a step of the base; null to search it.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside -100..100.</exception>
    public int? FullScale
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfEqual(value is < -100 or > 100, true, nameof(value));
            field = value;
        }
    }

    /// <inheritdoc/>
    public QuantizedTensor Quantize(WeightView weight, WeightTarget target, LayerStatistics statistics, CancellationToken cancel = default)
    {
        cancel.ThrowIfCancellationRequested();
        int count = (1 << (target.BitsWithin(2, 8, Info) - 1)) - 1;
        var values = new GroupedValues(weight, target.Granularity);
        int size = (2 * count) + 1;
        var indices = new int[weight.Values.Length];
        var codewords = new float[size * values.Count];
        values.ForEach(
            g =>
            {
                double greatest = Math.Max(-(double)values.Extremes.Min[g], values.Extremes.Max[g]);
                int perOctave = Base is LogarithmBase.Two ? 1 : 2;
                LogarithmicLevels levels = FullScale is { } given
                    ? LogarithmicLevels.Below(perOctave, given, count)
                    : LogarithmicLevels.Best(perOctave, count, greatest, l => SquaredError(values[g], l));
                for (int k = 0; k < count; k++)
                {
                    // 0, then the positive levels from the least on, then the negative ones
                    var value = (float)levels.Value(levels.Lowest + k);
                    (codewords[(g * size) + 1 + k], codewords[(g * size) + 1 + count + k]) = (value, -value);
                }

                for (int i = 0; i < values[g].Length; i++)
                {
                    indices[values.Elements(g)[i]] = levels.Exponent(Math.Abs((double)values[g][i])) is { } e
                        ? 1 + e - levels.Lowest + (values[g][i] < 0 ? count : 0)
                        : 0;
                }
            },
            cancel);
        return new CodebookTensor(weight.Shape, 1, size, [.. codewords], indices, target.Granularity);
    }

    private static double SquaredError(ReadOnlySpan<float> values, LogarithmicLevels levels)
    {
        double error = 0;
        foreach (float v in values)
        {
            double magnitude = Math.Abs((double)v);
            double apart = magnitude - levels.Quantize(magnitude);
            error += apart * apart;
        }

        return error;
    }
}
