using Halftone.Formats;
using Halftone.Numerics;
using Halftone.Statistics;
using Halftone.Weights;

namespace Halftone.Activations;

/// <summary>Powers of 2 or of its root and 0, rounded in the logarithm: thresholds at 2^(e + 1/2), below a full scale that is searched or given (<see cref="LogarithmicLevels"/>).</summary>
/// <remarks>
/// <para>Values of one sign have 2^b - 1 exponents and 0; others spend a bit on the sign: 2^(b-1) - 1 exponents on each side. FSR is that with the least squared error on the histogram.
/// Levels below the smallest normal float are left out.</para>
/// <para>From: Miyashita, Lee, Murmann 2016, Convolutional Neural Networks using Logarithmic Data Representation, arXiv:1603.01025, section 3.</para>
/// </remarks>
public sealed record LogarithmicActivation : IActivationMethod, IDescribed
{
    /// <inheritdoc/>
    public static MethodInfo Info { get; } = new("logarithmic", "Logarithmic activations", "Miyashita, Lee, Murmann 2016, arXiv:1603.01025");

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
    public ActivationQuantizer Choose(TensorStatistics statistics, int bits)
    {
        bool positive = statistics.Max > 0 || statistics.Min >= 0;
        bool negative = statistics.Min < 0;
        bits = ActivationBits.Within(bits, positive && negative ? 2 : 1, 8, Info);
        LogarithmicLevels best = Best(statistics, (1 << (positive && negative ? bits - 1 : bits)) - 1);
        int[] exponents = [.. Enumerable.Range(best.Lowest, best.Count).Where(e => float.IsNormal((float)best.Value(e)))];
        if (exponents.Length == 0)
        {
            return LevelLists.Of([0], [], upperClosed: false);
        }

        // the border below the least level, and those between levels: no float is equal to one, so the next float up begins the level above
        float[] side = [.. exponents.Select(e => (float)best.Value(e))];
        float[] borders = [.. exponents.Select(e => Above(best.Border(e - 1)))];
        float[] values = [.. negative ? side.Reverse().Select(v => -v) : [], 0, .. positive ? side : []];
        float[] all = [.. negative ? borders.Reverse().Select(b => MathF.BitIncrement(-b)) : [], .. positive ? borders : []];
        return LevelLists.Of(values, all, upperClosed: false);
    }

    private LogarithmicLevels Best(TensorStatistics statistics, int count)
    {
        int perOctave = Base is LogarithmBase.Two ? 1 : 2;
        var points = ValuePoints.Of(statistics);
        return FullScale is { } given
            ? LogarithmicLevels.Below(perOctave, given, count)
            : LogarithmicLevels.Best(perOctave, count, Math.Max(-statistics.Min, statistics.Max), l => points.SquaredError(v => Math.Sign(v) * l.Quantize(Math.Abs(v))));
    }

    private static float Above(double border)
    {
        var nearest = (float)border;
        return nearest > border ? nearest : MathF.BitIncrement(nearest);
    }
}
