namespace Halftone.Numerics;

/// <summary>What the codes with the highest exponent mean.</summary>
public enum SpecialValues
{
    /// <summary>Infinity and NaN, as IEEE 754: fp16, bf16, E5M2.</summary>
    InfinityAndNaN,

    /// <summary>All ones is NaN, the rest are numbers: E4M3FN.</summary>
    NaN,

    /// <summary>All are numbers: the elements of MX blocks of 4 and 6 bits.</summary>
    None,
}

/// <summary>A floating-point type of at most 16 bits: a sign, an exponent with bias 2^(e-1) - 1, a significand with subnormals.</summary>
/// <remarks>Value of a code with exponent field E and fraction F of m bits: E = 0: 2^(1 - bias) * F / 2^m, else 2^(E - bias) * (1 + F / 2^m).
/// Numbers are rounded to nearest, ties to even. What rounds beyond the largest number, infinity too, becomes the largest with saturation; without,
/// infinity, or NaN where there is no infinity (ONNX Cast). ONNX Runtime 1.31 gives NaN for exactly 61440 to E5M2 without saturation;
/// here it is infinity, to which the tie rounds.</remarks>
public readonly record struct SmallFloat
{
    /// <summary>A type by its widths.</summary>
    /// <param name="exponentBits">2 to 8.</param>
    /// <param name="fractionBits">1 to 13, so that the whole is at most 16 bits.</param>
    /// <param name="special">What the highest exponent means.</param>
    /// <exception cref="ArgumentOutOfRangeException">A width outside its bounds.</exception>
    public SmallFloat(int exponentBits, int fractionBits, SpecialValues special)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(exponentBits, 2);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(exponentBits, 8);
        ArgumentOutOfRangeException.ThrowIfLessThan(fractionBits, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(fractionBits, 15 - exponentBits);
        ExponentBits = exponentBits;
        FractionBits = fractionBits;
        Special = special;
    }

    /// <summary>IEEE half: 5 + 10 bits.</summary>
    public static SmallFloat Float16 { get; } = new(5, 10, SpecialValues.InfinityAndNaN);

    /// <summary>The upper half of a float: 8 + 7 bits.</summary>
    public static SmallFloat BFloat16 { get; } = new(8, 7, SpecialValues.InfinityAndNaN);

    /// <summary>4 + 3 bits, largest 448, no infinity (Micikevicius et al. 2022, arXiv:2209.05433).</summary>
    public static SmallFloat Float8E4M3FN { get; } = new(4, 3, SpecialValues.NaN);

    /// <summary>5 + 2 bits, largest 57344 (the same paper).</summary>
    public static SmallFloat Float8E5M2 { get; } = new(5, 2, SpecialValues.InfinityAndNaN);

    /// <summary>2 + 1 bits: 0, 0.5, 1, 1.5, 2, 3, 4, 6 (OCP MX 1.0).</summary>
    public static SmallFloat Float4E2M1 { get; } = new(2, 1, SpecialValues.None);

    /// <summary>Bits of the exponent.</summary>
    public int ExponentBits { get; }

    /// <summary>Bits of the significand that are stored.</summary>
    public int FractionBits { get; }

    /// <summary>What the highest exponent means.</summary>
    public SpecialValues Special { get; }

    /// <summary>Bits of a code, the sign among them.</summary>
    public int Bits => 1 + ExponentBits + FractionBits;

    /// <summary>The exponent of the largest number: floor(log2(Largest)).</summary>
    public int LargestExponent => (1 << ExponentBits) - 1 - Bias - (Special == SpecialValues.InfinityAndNaN ? 1 : 0);

    /// <summary>The largest number.</summary>
    public float Largest => Decode(LargestCode);

    private int Bias => (1 << (ExponentBits - 1)) - 1;

    private int LargestCode => Special switch
    {
        SpecialValues.InfinityAndNaN => InfinityCode - 1,
        SpecialValues.NaN => NaNCode - 1,
        _ => (1 << (Bits - 1)) - 1,
    };

    private int InfinityCode => ((1 << ExponentBits) - 1) << FractionBits;

    private int NaNCode => Special == SpecialValues.InfinityAndNaN ? InfinityCode | (1 << (FractionBits - 1)) : (1 << (Bits - 1)) - 1;

    /// <summary>The code of the nearest number.</summary>
    /// <param name="value">Any float.</param>
    /// <param name="saturate">Whether what is too large becomes the largest number. A type without special values always saturates.</param>
    /// <exception cref="ArgumentException">NaN, for a type that has none.</exception>
    public int Encode(float value, bool saturate = true)
    {
        int sign = float.IsNegative(value) ? 1 << (Bits - 1) : 0;
        if (float.IsNaN(value))
        {
            return Special == SpecialValues.None ? throw new ArgumentException($"{this} has no NaN.", nameof(value)) : sign | NaNCode;
        }

        int code = float.IsInfinity(value) ? int.MaxValue : Magnitude(Math.Abs((double)value));
        if (code <= LargestCode)
        {
            return sign | code;
        }

        return sign | Special switch
        {
            SpecialValues.None => LargestCode,
            _ when saturate => LargestCode,
            SpecialValues.NaN => NaNCode,
            _ => InfinityCode,
        };
    }

    /// <summary>The number of a code, exactly.</summary>
    public float Decode(int code)
    {
        int magnitude = code & ((1 << (Bits - 1)) - 1);
        float value;
        if (Special == SpecialValues.InfinityAndNaN && magnitude >= InfinityCode)
        {
            value = magnitude == InfinityCode ? float.PositiveInfinity : float.NaN;
        }
        else if (Special == SpecialValues.NaN && magnitude == NaNCode)
        {
            value = float.NaN;
        }
        else
        {
            int exponent = magnitude >> FractionBits;
            int fraction = magnitude & ((1 << FractionBits) - 1);
            int significand = exponent == 0 ? fraction : fraction | (1 << FractionBits);
            value = (float)Math.ScaleB(significand, Math.Max(exponent, 1) - Bias - FractionBits);
        }

        return (code >> (Bits - 1) & 1) == 0 ? value : -value;
    }

    /// <summary>The nearest number of the type.</summary>
    public float Round(float value, bool saturate = true) => Decode(Encode(value, saturate));

    /// <summary>As ONNX writes it: E4M3.</summary>
    public override string ToString() => $"E{ExponentBits}M{FractionBits}";

    // codes count up with magnitudes, so a fraction that rounds up to 2^m carries into the exponent by itself
    private int Magnitude(double value)
    {
        if (value == 0)
        {
            return 0;
        }

        int exponent = Math.Max(Math.ILogB(value), 1 - Bias);
        int significand = (int)Rounding.NearestEven(Math.ScaleB(value, FractionBits - exponent));
        int normal = exponent + Bias;
        return significand + ((normal - 1) << FractionBits);
    }
}
