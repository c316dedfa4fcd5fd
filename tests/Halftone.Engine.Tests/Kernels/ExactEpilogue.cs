using System.Numerics;
using Halftone.Engine.Kernels.Pointwise;
using Halftone.Engine.Kernels.Products;

namespace Halftone.Engine.Kernels;

/// <summary>Epilogues in exact arithmetic, from their definitions.</summary>
internal static class ExactEpilogue
{
    /// <summary>The bytes a sum becomes.</summary>
    public static byte[] Of(Epilogue epilogue, int sum, int channel) => epilogue switch
    {
        StoreSums => BitConverter.GetBytes(sum),
        ToFloat e => BitConverter.GetBytes(MultiplyAdd((float)(double)sum, e.Scale[channel], e.Offset[channel])),
        FloatRequantize e => [Requantize(sum, e, e.Scale[channel])],
        FixedPointRequantize e => [(byte)BigInteger.Max(e.Least, BigInteger.Min(e.Most, e.ZeroPoint + Fixed(e.Form, sum, e.Multiplier[channel], e.Exponent[channel])))],
        _ => throw new ArgumentException(epilogue.ToString()),
    };

    /// <summary>A product's code and another, added as ONNX Runtime adds them.</summary>
    public static byte Add(ProductResidual residual, byte product, byte other)
    {
        (QuantizedRange a, QuantizedRange b, QuantizedRange y) = (residual.Range.A, residual.Range.B, residual.Range.Y);
        (float first, float second) = (a.Scale / y.Scale, b.Scale / y.Scale);
        // int8 codes are what they are less 128
        int raised = residual.Range.Signed ? 128 : 0;
        float constant = y.ZeroPoint - raised - MultiplyAdd(first, a.ZeroPoint - raised, second * (b.ZeroPoint - raised));
        (byte codeA, byte codeB) = residual.ProductFirst ? (product, other) : (other, product);
        float sum = MultiplyAdd(codeA - raised, first, MultiplyAdd(codeB - raised, second, constant));
        return float.IsNaN(sum) ? residual.Range.Least : (byte)Math.Clamp(Math.Round((double)sum, MidpointRounding.ToEven) + raised, residual.Range.Least, residual.Range.Most);
    }

    public static BigInteger Fixed(FixedPointForm form, int sum, int multiplier, int exponent)
    {
        if (form == FixedPointForm.SingleRounding)
        {
            return HalfUp((BigInteger)sum * multiplier, 31 - exponent);
        }

        // a shift to the left keeps the low 32 bits
        BigInteger shifted = (BigInteger)sum << Math.Max(exponent, 0);
        shifted = (((shifted + (BigInteger.One << 31)) % (BigInteger.One << 32)) + (BigInteger.One << 32)) % (BigInteger.One << 32) - (BigInteger.One << 31);
        return HalfAway(HalfUp(shifted * multiplier, 31), Math.Max(-exponent, 0));
    }

    /// <summary>value / 2^shift, ties towards plus infinity.</summary>
    public static BigInteger HalfUp(BigInteger value, int shift) => Floor((2 * value) + (BigInteger.One << shift), BigInteger.One << (shift + 1));

    /// <summary>value / 2^shift, ties away from zero.</summary>
    public static BigInteger HalfAway(BigInteger value, int shift) =>
        value.Sign * Floor((2 * BigInteger.Abs(value)) + (BigInteger.One << shift), BigInteger.One << (shift + 1));

    private static BigInteger Floor(BigInteger numerator, BigInteger denominator)
    {
        BigInteger quotient = BigInteger.DivRem(numerator, denominator, out BigInteger remainder);
        return remainder.Sign < 0 ? quotient - 1 : quotient;
    }

    /// <summary>a * b + c with one rounding: the product is exact in double precision, and the sum is rounded to odd there, so that a second rounding does no harm.</summary>
    private static float MultiplyAdd(float a, float b, float c)
    {
        if (!float.IsFinite(a) || !float.IsFinite(b) || !float.IsFinite(c))
        {
            return (a * b) + c;
        }

        double product = (double)a * b;
        double sum = product + c;
        double part = sum - product;
        double error = (product - (sum - part)) + (c - part);
        if (error != 0 && (BitConverter.DoubleToInt64Bits(sum) & 1) == 0)
        {
            sum = error > 0 == sum > 0 ? Math.BitIncrement(Math.Abs(sum)) * Math.Sign(sum) : Math.BitDecrement(Math.Abs(sum)) * Math.Sign(sum);
        }

        return (float)sum;
    }

    private static byte Requantize(int sum, FloatRequantize e, float scale)
    {
        // a product of two floats is exact in double precision
        float product = (float)((double)(float)(double)sum * scale);
        if (!float.IsFinite(product))
        {
            return product > 0 ? e.Most : e.Least;
        }

        double rounded = Math.Floor(product);
        double above = product - rounded;
        rounded += above > 0.5 || (above == 0.5 && Math.Abs(rounded % 2) == 1) ? 1 : 0;
        return (byte)Math.Clamp(Math.Clamp(rounded + e.ZeroPoint, 0, 255), e.Least, e.Most);
    }
}
