using System.Collections;
using System.Runtime.InteropServices;
using Halftone.Onnx.Operators;

namespace Halftone.Onnx.Tests.Operators;

/// <summary>Vectors made from the formulas of the ONNX standard, for the types, layouts and precisions that its published tests do not have: bit for bit.</summary>
/// <remarks>
/// y = saturate(round(x / scale) + zero point), the quotient in the type of the scale, ties to even; x = (y - zero point) * scale.
/// Here quotients and products are exact in 64 bits before they are rounded once, rounding is a choice between two neighbours, and codes are read bit by bit.
/// </remarks>
public sealed class GeneratedVectorTests
{
    private static readonly long[] s_dims = [3, 5, 4]; // 60: sub-byte rows that do not end with a byte

    public static TheoryData<ElementType, string, ElementType> Cases => [.. from code in (ElementType[])[ElementType.UInt2, ElementType.Int2, ElementType.UInt4, ElementType.Int4, ElementType.UInt8, ElementType.Int8, ElementType.UInt16, ElementType.Int16]
                                                                           from layout in (string[])["tensor", "axis 0", "axis 1", "axis 2", "blocks of 2 along 0", "blocks of 3 along 1", "blocks of 2 along 2"]
                                                                           from value in (ElementType[])[ElementType.Float, ElementType.Float16, ElementType.BFloat16]
                                                                           select (code, layout, value)];

    [Theory]
    [MemberData(nameof(Cases))]
    public void QuantizeLinear_and_DequantizeLinear_of_every_integer_type(ElementType code, string layout, ElementType value)
    {
        (LinearOptions options, long[] groups) = Layout(layout);
        (int min, int max) = code switch
        {
            ElementType.UInt2 => (0, 3),
            ElementType.Int2 => (-2, 1),
            ElementType.UInt4 => (0, 15),
            ElementType.Int4 => (-8, 7),
            ElementType.UInt8 => (0, 255),
            ElementType.Int8 => (-128, 127),
            ElementType.UInt16 => (0, 65535),
            _ => (-32768, 32767),
        };
        int count = (int)groups.Aggregate(1L, (a, b) => a * b);
        Gen.Select(
            Gen.OneOf(Gen.Int[-600, 600].Select(i => i * .25f), Gen.Float[-2f * max, 2f * max]).Array[60],
            Gen.OneOf(Gen.Int[-4, 4].Select(e => MathF.ScaleB(1, e)), Gen.Float[.01f, 3]).Array[count],
            Gen.Int[min, max].Array[count],
            Gen.Bool).Sample(
            (x, scales, zeros, symmetric) =>
            {
                float[] values = Array.ConvertAll(x, v => Nearest(value, v));
                float[] steps = Array.ConvertAll(scales, v => Nearest(value, v));
                int[] zero = symmetric ? new int[count] : zeros;
                (Tensor scale, Tensor? zeroPoint) = (Floats(value, groups, steps), symmetric ? null : Codes(code, groups, zero));
                int[] expected = [.. values.Select((v, i) => Math.Clamp(RoundToEven(Nearest(value, (double)v / steps[Group(layout, i)])) + zero[Group(layout, i)], min, max))];

                Tensor codes = QuantizeLinear.Run(Floats(value, s_dims, values), scale, zeroPoint, options with { OutputType = symmetric ? code : ElementType.Undefined });
                Assert.Equal(code, codes.Type);
                Assert.Equal(expected, Read(codes));
                Assert.Equal(Codes(code, s_dims, expected).Bytes.ToArray(), codes.Bytes.ToArray());
                if (code.Bits() <= 8 || value is ElementType.Float)
                {
                    Tensor back = DequantizeLinear.Run(codes, scale, zeroPoint, options);
                    float[] products = [.. expected.Select((c, i) => Nearest(value, (double)(c - zero[Group(layout, i)]) * steps[Group(layout, i)]))];
                    Assert.Equal(Floats(value, s_dims, products).Bytes.ToArray(), back.Bytes.ToArray());
                }
            },
            iter: 20,
            threads: 1);
    }

    public static TheoryData<ElementType, string> SmallFloatCases => [.. from code in (ElementType[])[ElementType.Float8E4M3FN, ElementType.Float8E4M3FNUZ, ElementType.Float8E5M2, ElementType.Float8E5M2FNUZ, ElementType.Float4E2M1]
                                                                        from layout in (string[])["tensor", "axis 1", "blocks of 3 along 1", "blocks of 2 along 2"]
                                                                        select (code, layout)];

    [Theory]
    [MemberData(nameof(SmallFloatCases))]
    public void Small_floats_in_every_layout_are_the_nearest_of_all_codes(ElementType code, string layout)
    {
        (LinearOptions options, long[] groups) = Layout(layout);
        int count = (int)groups.Aggregate(1L, (a, b) => a * b);

        // the formats by their definition: sign, exponent, mantissa
        (int exponent, int mantissa, int bias, double largest) = code switch
        {
            ElementType.Float8E4M3FN => (4, 3, 7, 448.0),
            ElementType.Float8E4M3FNUZ => (4, 3, 8, 240.0),
            ElementType.Float8E5M2 => (5, 2, 15, 57344.0),
            ElementType.Float8E5M2FNUZ => (5, 2, 16, 57344.0),
            _ => (2, 1, 1, 6.0),
        };
        double[] magnitudes = [.. from e in Enumerable.Range(0, 1 << exponent)
                                  from m in Enumerable.Range(0, 1 << mantissa)
                                  select e == 0 ? Math.ScaleB(m, 1 - bias - mantissa) : Math.ScaleB(1 + (m / (double)(1 << mantissa)), e - bias)];
        magnitudes = [.. magnitudes.Where(m => m <= largest)];
        Gen.Select(Gen.Double[-1.2, 1.2].Array[60], Gen.Int[-3, 3].Array[count]).Sample(
            (x, exponents) =>
            {
                float[] values = Array.ConvertAll(x, v => (float)(v * largest));
                float[] steps = Array.ConvertAll(exponents, e => MathF.ScaleB(1, e));
                Tensor scale = Floats(ElementType.Float, groups, steps);
                Tensor codes = QuantizeLinear.Run(Floats(ElementType.Float, s_dims, values), scale, null, options with { OutputType = code });
                Tensor back = DequantizeLinear.Run(codes, scale, null, options);
                float[] made = back.ToFloats();
                for (int i = 0; i < values.Length; i++)
                {
                    // powers of two scale exactly, and saturation is the default
                    double quotient = Math.Min(Math.Abs((double)values[i]) / steps[Group(layout, i)], largest);
                    int place = Enumerable.Range(0, magnitudes.Length).MinBy(m => (Math.Abs(magnitudes[m] - quotient), m & 1));
                    Assert.Equal((float)(magnitudes[place] * steps[Group(layout, i)]), Math.Abs(made[i]));
                    Assert.True(made[i] == 0 || made[i] > 0 == values[i] > 0);
                }
            },
            iter: 30,
            threads: 1);
    }

    // the cases of ONNX's list of tests that its published files and the Debian package lack
    [Theory]
    [InlineData(ElementType.Float8E4M3FN, new byte[] { 0x00, 0x30, 0x38, 0x7E, 0xED }, new float[] { 0, 1, 2, 896, -208 })]
    [InlineData(ElementType.Float8E5M2, new byte[] { 0x00, 0x38, 0x3C, 0x7A, 0xD6 }, new float[] { 0, 1, 2, 98304, -192 })]
    public void Small_floats_dequantize_with_and_without_a_zero_point(ElementType type, byte[] codes, float[] expected)
    {
        Tensor x = new(type, [5], codes);
        Tensor zero = new(type, [1], new byte[1]);
        Assert.Equal(expected, DequantizeLinear.Run(x, Tensor.Scalar(2f), null, new() { Axis = 0 }).ToFloats());
        Assert.Equal(expected, DequantizeLinear.Run(x, Tensor.Scalar(2f), zero, new() { Axis = 0 }).ToFloats());
        if (type is ElementType.Float8E4M3FN)
        {
            Assert.Equal(Array.ConvertAll(expected, v => (Half)v), DequantizeLinear.Run(x, Tensor.Scalar((Half)2), null, new() { Axis = 0 }).As<Half>().ToArray());
        }
    }

    [Fact]
    public void Whole_numbers_of_32_bits_quantize_and_dequantize()
    {
        Tensor codes = QuantizeLinear.Run(Tensor.Of([-1000, -3, 0, 3, 5, 16777217], 6), Tensor.Scalar(2f), Tensor.Scalar((byte)10));
        Assert.Equal([0, 8, 10, 12, 12, 255], codes.ToInt64s());
        Assert.Equal([-1.5f, 3e7f], DequantizeLinear.Run(Tensor.Of([-3, 60_000_000], 2), Tensor.Scalar(.5f)).ToFloats());
    }

    private static (LinearOptions Options, long[] Groups) Layout(string layout)
    {
        int axis = layout == "tensor" ? 1 : layout[^1] - '0';
        int block = layout.StartsWith("blocks", StringComparison.Ordinal) ? layout["blocks of ".Length] - '0' : 0;
        long[] groups = layout == "tensor" ? [] : block == 0 ? [s_dims[axis]] : [.. s_dims.Select((d, i) => i == axis ? (d + block - 1) / block : d)];
        return (new LinearOptions { Axis = axis, BlockSize = block }, groups);
    }

    // the scale of an element, from its place in the tensor
    private static int Group(string layout, int element)
    {
        long[] at = [element / 20, element / 4 % 5, element % 4];
        (LinearOptions options, long[] groups) = Layout(layout);
        if (groups.Length < 2)
        {
            return groups.Length == 0 ? 0 : (int)at[options.Axis];
        }

        at[options.Axis] /= options.BlockSize;
        return (int)((((at[0] * groups[1]) + at[1]) * groups[2]) + at[2]);
    }

    private static int RoundToEven(double value)
    {
        double floor = Math.Floor(value);
        double rest = value - floor;
        double rounded = rest < .5 || (rest == .5 && floor % 2 == 0) ? floor : floor + 1;
        return (int)Math.Clamp(rounded, -1e9, 1e9);
    }

    private static float Nearest(ElementType type, double value) => type switch
    {
        ElementType.Float => (float)value,
        ElementType.Float16 => (float)(Half)value,
        _ => NearestBFloat16(value),
    };

    // of the two bfloat16 around a value the nearer, or the even one
    private static float NearestBFloat16(double value)
    {
        uint toZero = BitConverter.SingleToUInt32Bits((float)value) & 0xFFFF0000;
        if (Math.Abs(BitConverter.UInt32BitsToSingle(toZero)) > Math.Abs(value))
        {
            toZero -= 0x10000; // rounding to float had passed it
        }

        (float a, float b) = (BitConverter.UInt32BitsToSingle(toZero), BitConverter.UInt32BitsToSingle(toZero + 0x10000));
        (double da, double db) = (Math.Abs(value - a), Math.Abs(value - b));
        return da < db || (da == db && (toZero >> 16) % 2 == 0) ? a : b;
    }

    private static Tensor Floats(ElementType type, long[] dims, float[] values) => new(type, dims, type switch
    {
        ElementType.Float => MemoryMarshal.AsBytes<float>(values).ToArray(),
        ElementType.Float16 => MemoryMarshal.AsBytes<Half>(Array.ConvertAll(values, v => (Half)v)).ToArray(),
        _ => MemoryMarshal.AsBytes<ushort>(Array.ConvertAll(values, v => (ushort)(BitConverter.SingleToUInt32Bits(v) >> 16))).ToArray(),
    });

    private static Tensor Codes(ElementType type, long[] dims, int[] codes)
    {
        BitArray bits = new((int)type.ByteCount(codes.Length) * 8);
        for (int i = 0; i < codes.Length * type.Bits(); i++)
        {
            bits[i] = ((codes[i / type.Bits()] >> (i % type.Bits())) & 1) != 0;
        }

        var bytes = new byte[bits.Length / 8];
        bits.CopyTo(bytes, 0);
        return new Tensor(type, dims, bytes);
    }

    private static int[] Read(Tensor tensor)
    {
        BitArray bits = new(tensor.Bytes.ToArray());
        int width = tensor.Type.Bits();
        bool signed = tensor.Type is ElementType.Int2 or ElementType.Int4 or ElementType.Int8 or ElementType.Int16;
        return [.. Enumerable.Range(0, (int)tensor.Count).Select(i => Enumerable.Range(0, width).Sum(b =>
            !bits[(i * width) + b] ? 0 : signed && b == width - 1 ? -(1 << b) : 1 << b))];
    }
}
