namespace Halftone.Numerics;

/// <summary>Powers of 2, or of its root, as levels: 0 and 2^(e / PerOctave), e = Highest - Count + 1 .. Highest, rounded in the logarithm (Miyashita, Lee, Murmann 2016, arXiv:1603.01025, section 3).</summary>
/// <param name="PerOctave">1 for base 2, 2 for its root.</param>
/// <param name="Highest">e of the largest level.</param>
/// <param name="Count">Levels but 0.</param>
/// <remarks>The border between e and e + 1 is 2^((e + 1/2) / PerOctave), so half a step below the least level all is 0, and what is above the largest becomes it.</remarks>
public readonly record struct LogarithmicLevels(int PerOctave, int Highest, int Count)
{
    private const int Octaves = 12;

    private static readonly double s_rootOfTwo = Math.Sqrt(2);
    private static readonly double s_fourthRoot = Math.Sqrt(s_rootOfTwo);

    /// <summary>Levels whose largest is below 2^fullScale, a step of the base.</summary>
    public static LogarithmicLevels Below(int perOctave, int fullScale, int count) => new(perOctave, (perOctave * fullScale) - 1, count);

    /// <summary>The levels whose full scale errs least, of those from above the greatest magnitude down; of equals the highest.</summary>
    /// <param name="perOctave">1 for base 2, 2 for its root.</param>
    /// <param name="count">Levels but 0.</param>
    /// <param name="greatest">The greatest magnitude.</param>
    /// <param name="error">Of levels.</param>
    public static LogarithmicLevels Best(int perOctave, int count, double greatest, Func<LogarithmicLevels, double> error)
    {
        if (greatest == 0)
        {
            return Below(perOctave, 0, count);
        }

        int top = Math.Min(Math.ILogB(greatest) + 2, 127); // 2^127 is the largest power that is a float
        return Enumerable.Range(0, Octaves).Select(k => Below(perOctave, top - k, count)).MinBy(error);
    }

    /// <summary>e of the least level.</summary>
    public int Lowest => Highest - Count + 1;

    /// <summary>2^(e / PerOctave).</summary>
    public double Value(int exponent) => PerOctave == 1 ? Math.ScaleB(1, exponent) : Math.ScaleB((exponent & 1) == 0 ? 1 : s_rootOfTwo, exponent >> 1);

    /// <summary>The border above e.</summary>
    public double Border(int exponent) => PerOctave == 1
        ? Math.ScaleB(s_rootOfTwo, exponent)
        : Math.ScaleB((exponent & 1) == 0 ? s_fourthRoot : s_fourthRoot * s_rootOfTwo, exponent >> 1);

    /// <summary>e of a magnitude; null for 0.</summary>
    public int? Exponent(double magnitude)
    {
        if (magnitude == 0)
        {
            return null;
        }

        // round(log2) by comparison: powers of two scale without a rounding of their own
        int exponent = PerOctave * Math.ILogB(magnitude);
        for (int step = 0; step < PerOctave && magnitude > Border(exponent); step++)
        {
            exponent++;
        }

        return exponent > Highest ? Highest : exponent < Lowest ? null : exponent;
    }

    /// <summary>The level of a magnitude.</summary>
    public double Quantize(double magnitude) => Exponent(magnitude) is { } e ? Value(e) : 0;
}
