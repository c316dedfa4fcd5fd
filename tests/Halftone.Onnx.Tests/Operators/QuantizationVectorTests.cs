using Halftone.Onnx.Operators;

namespace Halftone.Onnx.Tests.Operators;

/// <summary>Vectors from the formulas of the standard and from printed runs of ONNX Runtime.</summary>
public sealed class QuantizationVectorTests
{
    [Theory]
    [InlineData(0, new long[] { 0, 2, 2, 4, 0, 0, 254, 255, 255, 0 })]
    [InlineData(1, new long[] { 1, 3, 3, 5, 1, 0, 255, 255, 255, 0 })]
    public void Ties_go_to_even_before_the_zero_point_is_added(byte zero, long[] expected)
    {
        var x = Tensor.Of([.5f, 1.5f, 2.5f, 3.5f, -.5f, -1.5f, 254.5f, 255.5f, 300, -3], 10);
        Assert.Equal(expected, QuantizeLinear.Run(x, Tensor.Scalar(1f), Tensor.Scalar(zero)).ToInt64s());
    }

    [Fact]
    public void It_divides_and_does_not_multiply_by_the_reciprocal() =>
        Assert.Equal([127], QuantizeLinear.Run(Tensor.Of([.273939937f], 1), Tensor.Scalar(.00214854861f)).ToInt64s());

    [Fact]
    public void Not_a_number_becomes_the_zero_point_and_infinity_the_end() =>
        Assert.Equal([7, 255, 0], QuantizeLinear.Run(Tensor.Of([float.NaN, float.PositiveInfinity, float.NegativeInfinity], 3), Tensor.Scalar(1f), Tensor.Scalar((byte)7)).ToInt64s());

    [Fact]
    public void Int8_along_axis_0() =>
        Assert.Equal(
            [0, -128, 127, -128, 1, 3, 1, -1],
            QuantizeLinear.Run(Tensor.Of([.5f, -128.5f, 127.5f, -129, 1, 3, -1, -3], 2, 4), Tensor.Of([1f, 2], 2), Tensor.Of<sbyte>([0, 1], 2), new() { Axis = 0 }).ToInt64s());

    [Fact]
    public void Blocks_of_int4_there_and_back()
    {
        var scales = Tensor.Of([.5f, 10], 1, 2);
        LinearOptions options = new() { Axis = -1, BlockSize = 4, OutputType = ElementType.Int4 };
        Tensor codes = QuantizeLinear.Run(Tensor.Of([-4f, -1, 2, 3.5f, -80, 10, 35, 70], 1, 8), scales, null, options);
        Assert.Equal([-8, -2, 4, 7, -8, 1, 4, 7], codes.ToInt64s());
        Assert.Equal([-4f, -1, 2, 3.5f, -80, 10, 40, 70], DequantizeLinear.Run(codes, scales, null, new() { Axis = -1, BlockSize = 4 }).ToFloats());
    }

    [Fact]
    public void A_last_block_may_be_shorter()
    {
        // rows 0..4 in blocks of 2 along axis 0: scales of rows 0-1, 2-3 and 4
        Tensor y = DequantizeLinear.Run(Tensor.Of<sbyte>([1, 1, 1, 1, 1, 1, 1, 1, 1, 1], 5, 2), Tensor.Of([1f, 2, 3, 4, 5, 6], 3, 2), null, new() { Axis = 0, BlockSize = 2 });
        Assert.Equal([1f, 2, 1, 2, 3, 4, 3, 4, 5, 6], y.ToFloats());
    }

    [Fact]
    public void Int4_and_int2_lie_low_bits_first()
    {
        Assert.Equal([1f, 2, -1], DequantizeLinear.Run(new Tensor(ElementType.Int4, [3], new byte[] { 0x21, 0x0F }), Tensor.Scalar(1f)).ToFloats());
        Tensor codes = QuantizeLinear.Run(Tensor.Of([-3f, -1.5f, .5f, 2.5f, -.75f], 5), Tensor.Scalar(1f), null, new() { OutputType = ElementType.Int2 });
        Assert.Equal([-2, -2, 0, 1, -1], codes.ToInt64s());
        Assert.Equal([0b01_00_10_10, 0b11], codes.Bytes.ToArray());
    }

    [Fact]
    public void The_quotient_of_half_floats_is_a_half_float()
    {
        // 1000.5 / 0.7002 is 1428.9..., where halfs are whole numbers apart by 1: 1429; 2049 is no half at all
        Half x = (Half)1000.5f;
        Half s = (Half)0.7f;
        Tensor codes = QuantizeLinear.Run(Tensor.Of([x], 1), Tensor.Scalar(s), Tensor.Scalar((short)0));
        Assert.Equal([(long)(double)(Half)((double)x / (double)s)], codes.ToInt64s());
        Tensor exact = QuantizeLinear.Run(Tensor.Of([2049f], 1), Tensor.Scalar((Half)1), Tensor.Scalar((short)0), new() { Precision = ElementType.Float });
        Assert.Equal([2049], exact.ToInt64s());
        Assert.Equal([2048], QuantizeLinear.Run(Tensor.Of([2049f], 1), Tensor.Scalar((Half)1), Tensor.Scalar((short)0)).ToInt64s());
    }

    [Theory]
    [InlineData(true, new float[] { 448, 448, 448, 448, 448, .001953125f, 0, .001953125f })]
    [InlineData(false, new float[] { 448, 448, float.NaN, float.NaN, float.NaN, .001953125f, 0, .001953125f })]
    public void E4M3FN_at_its_ends(bool saturate, float[] expected)
    {
        float[] x = [448, 464, 465, 1000, float.PositiveInfinity, 1f / 512, 1f / 1024, 3f / 2048];
        Assert.Equal(expected, Through(ElementType.Float8E4M3FN, x, saturate));
    }

    [Theory]
    [InlineData(true, new float[] { 57344, 57344, 57344, 57344, -57344, 57344 })]
    [InlineData(false, new float[] { 57344, 57344, float.PositiveInfinity, float.PositiveInfinity, float.NegativeInfinity, float.PositiveInfinity })]
    public void E5M2_at_its_ends(bool saturate, float[] expected) =>
        Assert.Equal(expected, Through(ElementType.Float8E5M2, [57344, 61439, 61440, 1e6f, -1e9f, float.PositiveInfinity], saturate));

    [Theory]
    [InlineData(ElementType.Float8E4M3FN)]
    [InlineData(ElementType.Float8E4M3FNUZ)]
    [InlineData(ElementType.Float8E5M2)]
    [InlineData(ElementType.Float8E5M2FNUZ)]
    [InlineData(ElementType.Float4E2M1)]
    public void The_nearest_small_float_is_that_of_all_codes_tried_out(ElementType type)
    {
        (byte Code, float Value)[] finite = [.. Enumerable.Range(0, 1 << type.Bits()).Select(c => ((byte)c, SmallFloats.Decode(type, (byte)c))).Where(c => float.IsFinite(c.Item2))];
        foreach ((byte code, float value) in finite)
        {
            Assert.Equal(code, SmallFloats.Encode(type, value));
        }

        float largest = finite.Max(c => c.Value);
        double[] middles = [.. finite.Select(c => (double)c.Value).Where(v => v >= 0).Distinct().Order().ToArray() is { } v ? v.Zip(v.Skip(1), (a, b) => (a + b) / 2) : []];
        Gen.OneOf(Gen.Double[-1, 1].Select(u => u * largest), Gen.Int[0, middles.Length - 1].Select(i => middles[i])).Sample(x =>
        {
            float got = SmallFloats.Decode(type, SmallFloats.Encode(type, x));
            double best = finite.Min(c => Math.Abs(c.Value - x));
            Assert.Equal(best, Math.Abs(got - x));

            // of two equally near, the one whose last bit is 0
            if (finite.Where(c => Math.Abs(c.Value - x) == best).Select(c => c.Value).Distinct().Count() == 2)
            {
                Assert.Equal(0, SmallFloats.Encode(type, x) & 1);
            }
        });
    }

    [Fact]
    public void Dynamic_quantization_of_the_printed_rows()
    {
        (Tensor codes, Tensor scale, Tensor zero) = DynamicQuantizeLinear.Run(Tensor.Of([0f, 2, -3, -2.5f, 1.34f, .5f], 6));
        Assert.Equal([153, 255, 0, 26, 221, 179], codes.ToInt64s());
        Assert.Equal((0.019607844f, 153), (scale.ToFloats()[0], zero.ToInt64s()[0]));
        (codes, scale, zero) = DynamicQuantizeLinear.Run(Tensor.Of([1f, 2.1f, 1.3f, 2.5f, 3.34f, 4], 6));
        Assert.Equal([64, 134, 83, 159, 213, 255], codes.ToInt64s());
        Assert.Equal((0.015686275f, 0), (scale.ToFloats()[0], zero.ToInt64s()[0]));
    }

    [Fact]
    public void What_does_not_fit_is_refused()
    {
        var x = Tensor.Of(new float[6], 2, 3);
        Assert.Throws<ArgumentException>(() => QuantizeLinear.Run(x, Tensor.Of(new float[2], 2)));
        Assert.Throws<ArgumentException>(() => QuantizeLinear.Run(x, Tensor.Of([1f, 1], 2, 1), null, new() { BlockSize = 2 }));
        Assert.Throws<ArgumentException>(() => QuantizeLinear.Run(x, Tensor.Scalar(1f), Tensor.Scalar((byte)0), new() { OutputType = ElementType.Int8 }));
        Assert.Throws<ArgumentException>(() => DequantizeLinear.Run(Tensor.Of([1], 1), Tensor.Scalar(1f), Tensor.Scalar(1)));
        Assert.Throws<ArgumentException>(() => DequantizeLinear.Run(Tensor.Of<sbyte>([1], 1), Tensor.Scalar(1f), Tensor.Scalar((byte)0)));
        Assert.Throws<ArgumentException>(() => QuantizeLinear.Run(x, Tensor.Of(new float[3], 3), null, new() { Axis = 2 }));
    }

    private static float[] Through(ElementType type, float[] x, bool saturate) =>
        DequantizeLinear.Run(QuantizeLinear.Run(Tensor.Of(x, x.Length), Tensor.Scalar(1f), null, new() { OutputType = type, Saturate = saturate }), Tensor.Scalar(1f)).ToFloats();
}
