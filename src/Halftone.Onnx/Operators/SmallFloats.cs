namespace Halftone.Onnx.Operators;

/// <summary>The 4- and 8-bit floats of ONNX, and rounding to bfloat16.</summary>
/// <remarks>
/// A format has a sign, E exponent bits, M mantissa bits and a bias: 2^(e - bias) * (1 + m / 2^M), and for e = 0 the subnormals 2^(1 - bias) * m / 2^M.
/// Rounding is to nearest, ties to even. Overflow follows the table of ONNX's Cast: with saturation every value above the largest, infinity
/// included, becomes the largest; without, it becomes infinity where the format has one (E5M2) and NaN elsewhere. A value overflows when it rounds
/// past the largest: 464 is 448 in E4M3FN and 465 overflows. E5M2 takes 61440, the tie, to infinity; ONNX Runtime 1.31 gives NaN for just that value.
/// </remarks>
public static class SmallFloats
{
    /// <summary>Whether this is one of the types.</summary>
    public static bool IsSmallFloat(this ElementType type) => type
        is ElementType.Float8E4M3FN or ElementType.Float8E4M3FNUZ or ElementType.Float8E5M2 or ElementType.Float8E5M2FNUZ or ElementType.Float4E2M1;

    /// <summary>The nearest code.</summary>
    /// <param name="type">One of the four 8-bit floats, or Float4E2M1, which always saturates and has no NaN: NaN becomes its largest value.</param>
    /// <param name="value">Any value.</param>
    /// <param name="saturate">What becomes of values above the largest.</param>
    /// <exception cref="ArgumentException">Not a small float type.</exception>
    public static byte Encode(ElementType type, double value, bool saturate = true)
    {
        Format format = Of(type);
        if (double.IsNaN(value))
        {
            return format.NaN ?? (byte)Code(format, format.Largest);
        }

        bool negative = double.IsNegative(value);
        double magnitude = RoundMagnitude(format, Math.Abs(value));
        int code;
        if (magnitude <= format.Largest)
        {
            code = Code(format, magnitude);
        }
        else if (saturate || format.NaN is null)
        {
            code = Code(format, format.Largest);
        }
        else if (format.Infinity is { } infinity)
        {
            code = infinity;
        }
        else
        {
            // the unsigned-zero formats have one NaN; E4M3FN keeps the sign
            return (byte)(format.Unsigned0 ? format.NaN : format.NaN | (negative ? SignBit(format) : 0))!;
        }

        bool sign = negative && !(format.Unsigned0 && code == 0);
        return (byte)(code | (sign ? SignBit(format) : 0));
    }

    /// <summary>The value of a code; exact.</summary>
    /// <exception cref="ArgumentException">Not a small float type, nor Float8E8M0.</exception>
    public static float Decode(ElementType type, byte code)
    {
        if (type is ElementType.Float8E8M0)
        {
            return code == 255 ? float.NaN : (float)Math.ScaleB(1, code - 127);
        }

        Format format = Of(type);
        int sign = SignBit(format);
        int magnitude = code & (sign - 1);
        if (IsNaN(format, code, magnitude))
        {
            return float.NaN;
        }

        float value = magnitude == format.Infinity ? float.PositiveInfinity : Value(format, magnitude);
        return (code & sign) != 0 ? -value : value;
    }

    /// <summary>The nearest bfloat16, ties to even.</summary>
    public static float ToBFloat16(float value)
    {
        if (!float.IsFinite(value))
        {
            return value;
        }

        uint bits = BitConverter.SingleToUInt32Bits(value);
        return BitConverter.UInt32BitsToSingle((bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000);
    }

    private static double RoundMagnitude(Format format, double magnitude)
    {
        if (magnitude == 0 || double.IsInfinity(magnitude))
        {
            return magnitude;
        }

        double step = Math.ScaleB(1, Math.Max(Math.ILogB(magnitude), 1 - format.Bias) - format.Mantissa);
        return Numerics.Rounding.NearestEven(magnitude / step) * step;
    }

    private static int Code(Format format, double magnitude)
    {
        if (magnitude == 0)
        {
            return 0;
        }

        int exponent = Math.Max(Math.ILogB(magnitude), 1 - format.Bias);
        int significand = (int)Math.ScaleB(magnitude, format.Mantissa - exponent);

        // a normal significand carries its leading 1 into the exponent field, which therefore starts one lower
        return ((exponent + format.Bias - 1) << format.Mantissa) + significand;
    }

    private static float Value(Format format, int magnitude)
    {
        int field = magnitude >> format.Mantissa;
        int fraction = magnitude & ((1 << format.Mantissa) - 1);
        return field == 0
            ? (float)Math.ScaleB(fraction, 1 - format.Bias - format.Mantissa)
            : (float)Math.ScaleB(fraction + (1 << format.Mantissa), field - format.Bias - format.Mantissa);
    }

    private static bool IsNaN(Format format, byte code, int magnitude) =>
        format.Unsigned0 ? code == format.NaN : format.NaN is { } nan && (format.Infinity is { } infinity ? magnitude > infinity : magnitude == nan);

    private static int SignBit(Format format) => 1 << (format.Exponent + format.Mantissa);

    private static Format Of(ElementType type) => type switch
    {
        ElementType.Float8E4M3FN => new(4, 3, 7, 448, NaN: 0x7F, Infinity: null, Unsigned0: false),
        ElementType.Float8E4M3FNUZ => new(4, 3, 8, 240, NaN: 0x80, Infinity: null, Unsigned0: true),
        ElementType.Float8E5M2 => new(5, 2, 15, 57344, NaN: 0x7F, Infinity: 0x7C, Unsigned0: false),
        ElementType.Float8E5M2FNUZ => new(5, 2, 16, 57344, NaN: 0x80, Infinity: null, Unsigned0: true),
        ElementType.Float4E2M1 => new(2, 1, 1, 6, NaN: null, Infinity: null, Unsigned0: false),
        _ => throw new ArgumentException($"{type.OnnxName()} is no small float."),
    };

    // "FN": finite with NaN; "UZ": one unsigned zero, whose negative code is the NaN
    private readonly record struct Format(int Exponent, int Mantissa, int Bias, double Largest, byte? NaN, int? Infinity, bool Unsigned0);
}
