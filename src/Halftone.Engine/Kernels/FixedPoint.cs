using System.Runtime.CompilerServices;

namespace Halftone.Engine.Kernels;

/// <summary>Multiplication of 32-bit sums by multiplier * 2^exponent / 2^31 in integers alone, in the forms of <see cref="FixedPointForm"/>.</summary>
/// <remarks>The arithmetic is inlined into tiles, which must call nothing.</remarks>
internal static class FixedPoint
{
    /// <summary>Least exponent of any form; scales below 2^-32 are 0.</summary>
    public const int LeastExponent = -31;

    /// <summary>Most that an exponent may be, except in <see cref="FixedPointForm.Q31"/>, where it is 0.</summary>
    public const int MostExponent = 30;

    private const float LeastQ31 = 1f / (1L << 32);
    private const double MostScale = 1 << MostExponent;

    /// <summary>2ab / 2^32, to the nearest, ties towards plus infinity; the one product that does not fit saturates (gemmlowp: SaturatingRoundingDoublingHighMul; Arm: SQRDMULH).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int DoublingHighMultiply(int a, int b) =>
        a == int.MinValue && b == int.MinValue ? int.MaxValue : (int)((Math.BigMul(a, b) + (1L << 30)) >> 31);

    /// <summary>value / 2^exponent to the nearest, ties away from zero (gemmlowp: RoundingDivideByPOT).</summary>
    /// <param name="value">The value.</param>
    /// <param name="exponent">0 to 31.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int RoundingShift(int value, int exponent)
    {
        int mask = (int)((1L << exponent) - 1);
        int remainder = value & mask;
        int threshold = (mask >> 1) + (value < 0 ? 1 : 0);
        return (value >> exponent) + (remainder > threshold ? 1 : 0);
    }

    /// <summary>A sum times a scale. Only <see cref="FixedPointForm.SingleRounding"/> can leave 32 bits.</summary>
    public static long Multiply(FixedPointForm form, int sum, int multiplier, int exponent) => form switch
    {
        FixedPointForm.DoubleRounding => DoubleRounding(sum, multiplier, exponent),
        FixedPointForm.SingleRounding => SingleRounding(sum, multiplier, exponent),
        _ => Q31(sum, multiplier, exponent),
    };

    /// <summary>gemmlowp and TensorFlow Lite's reference. A shift to the left drops what leaves 32 bits, as theirs does.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int DoubleRounding(int sum, int multiplier, int exponent) =>
        RoundingShift(DoublingHighMultiply(sum << Math.Max(exponent, 0), multiplier), Math.Max(-exponent, 0));

    /// <summary>TensorFlow Lite's single rounding and FBGEMM's fixed point.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long SingleRounding(int sum, int multiplier, int exponent)
    {
        int shift = 31 - exponent;
        return (Math.BigMul(sum, multiplier) + (1L << (shift - 1))) >> shift;
    }

    /// <summary>QNNPACK's q31: the product's middle 32 bits, rounded up at ties, then a rounding shift.</summary>
    public static int Q31(int sum, int multiplier, int exponent) =>
        RoundingShift((int)((Math.BigMul(sum, multiplier) + (1L << 30)) >> 31), -exponent);

    /// <summary>Multiplier and exponent of a scale as gemmlowp and TensorFlow Lite take them: 31 bits, ties away from zero; scales below 2^-32 are 0.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The scale is negative, not finite, or 2^30 or more.</exception>
    public static (int Multiplier, int Exponent) FromScale(double scale) =>
        FromScale(scale, MidpointRounding.AwayFromZero);

    /// <summary>Multiplier and exponent of a scale as FBGEMM takes them: the scale is a float, whose 24 bits the multiplier holds exactly.</summary>
    /// <remarks>Scales below 2^-32, which FBGEMM shifts further, are 0 here: the result is 0 either way.</remarks>
    /// <exception cref="ArgumentOutOfRangeException">The scale is negative, not finite, or 2^30 or more.</exception>
    public static (int Multiplier, int Exponent) FromFbgemmScale(float scale) =>
        FromScale(scale, MidpointRounding.ToEven);

    /// <summary>Multiplier and exponent of a scale as QNNPACK reads them off the bits of a float.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The scale is not in [2^-32, 1).</exception>
    public static (int Multiplier, int Exponent) FromQ31Scale(float scale)
    {
        if (!(scale >= LeastQ31 && scale < 1))
        {
            throw new ArgumentOutOfRangeException(nameof(scale), scale, "QNNPACK's fixed point takes scales of at least 2^-32 and below 1.");
        }

        uint bits = BitConverter.SingleToUInt32Bits(scale);
        int multiplier = (int)(((bits & 0x7FFFFF) | 0x800000) << 7);
        return (multiplier, (int)(bits >> 23) - 126);
    }

    private static (int Multiplier, int Exponent) FromScale(double scale, MidpointRounding ties)
    {
        if (!(scale >= 0 && scale < MostScale))
        {
            throw new ArgumentOutOfRangeException(nameof(scale), scale, "A fixed-point scale is not negative and below 2^30.");
        }

        if (scale == 0)
        {
            return (0, 0);
        }

        int exponent = Math.ILogB(scale) + 1;
        long multiplier = (long)Math.Round(Math.ScaleB(scale, 31 - exponent), ties);
        if (multiplier == 1L << 31)
        {
            multiplier /= 2;
            exponent++;
        }

        return exponent < LeastExponent ? (0, 0) : ((int)multiplier, exponent);
    }
}
