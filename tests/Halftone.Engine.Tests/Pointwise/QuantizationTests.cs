using System.Runtime.InteropServices;
using Halftone.Engine.Kernels.Pointwise;
using Halftone.Onnx;

namespace Halftone.Engine.Tests.Pointwise;

public sealed unsafe class QuantizationTests
{
    private static readonly Gen<QuantizedRange> s_range =
        Gen.Select(Gen.Double[-4, 2], Gen.Byte, (exponent, zero) => new QuantizedRange((float)Math.Pow(10, exponent), zero));

    [Fact]
    public void A_row_equals_QuantizeLinear() => Gen.Select(s_range, Gen.Int[1, 300], Gen.Int[0, 1000]).Sample(
        (range, count, seed) =>
        {
            float[] x = Values(range, count, new Random(seed));
            byte[] expected = Ort.Run(
                Ort.Plain("QuantizeLinear"), [Tensor.Of(x, count), .. Ort.Constants(range)], ElementType.UInt8, i => i == 0).Bytes.ToArray();
            using GuardedMemory from = GuardedMemory.Of(x);
            using var to = new GuardedMemory(count);
            LinearQuantization.QuantizeRow((float*)from.Start, to.Start, count, range);
            Assert.Equal(expected, to.Span.ToArray());
        },
        iter: 200);

    [Fact]
    public void A_row_equals_DequantizeLinear() => Gen.Select(s_range, Gen.Byte.Array[1, 300]).Sample(
        (range, codes) =>
        {
            float[] expected = Ort.Run(
                Ort.Plain("DequantizeLinear"), [Ort.Bytes(codes, codes.Length), .. Ort.Constants(range)], ElementType.Float, i => i == 0).ToFloats();
            using GuardedMemory from = GuardedMemory.Of(codes);
            using var to = new GuardedMemory(codes.Length * sizeof(float));
            LinearQuantization.DequantizeRow(from.Start, (float*)to.Start, codes.Length, range);
            Assert.Equal(expected, MemoryMarshal.Cast<byte, float>(to.Span).ToArray());
        },
        iter: 200);

    [Fact]
    public void Images_hold_what_rows_hold() =>
        Gen.Select(s_range, Gen.OneOf(Gen.Int[1, 4], Gen.Int[1, 130]), Gen.Int[1, 40], Gen.Int[1, 6], Gen.Int[0, 2], Gen.Int[0, 1000]).Sample(
            (range, channels, width, height, border, seed) =>
            {
                var random = new Random(seed);
                float[] x = Values(range, channels * width * height, random);
                var codes = new byte[x.Length];
                fixed (float* from = x)
                {
                    fixed (byte* to = codes)
                    {
                        LinearQuantization.QuantizeRow(from, to, x.Length, range);
                    }
                }

                using GuardedMemory planes = GuardedMemory.Of(x);
                using var image = new TestImage(height, width, channels, border, random);
                int split = random.Next(height + 1);
                LinearQuantization.QuantizeImage((float*)planes.Start, image.Origin, image.Layout, range, 0, split);
                LinearQuantization.QuantizeImage((float*)planes.Start, image.Origin, image.Layout, range, split, height);
                Assert.Equal(codes, image.Planes);
                image.AssertBorderUntouched();

                using var back = new GuardedMemory(x.Length * sizeof(float));
                LinearQuantization.DequantizeImage(image.Origin, image.Layout, (float*)back.Start, range, 0, split);
                LinearQuantization.DequantizeImage(image.Origin, image.Layout, (float*)back.Start, range, split, height);
                Assert.Equal([.. codes.Select(code => (code - range.ZeroPoint) * range.Scale)], MemoryMarshal.Cast<byte, float>(back.Span).ToArray());
            },
            iter: 300);

    [Fact]
    public void All_widths_compute_the_same() => Gen.Select(s_range, Gen.Int[0, 1000]).Sample((range, seed) =>
    {
        float[] x = Values(range, 1024, new Random(seed));
        var y = new byte[x.Length];
        byte[] first = [];
        fixed (float* from = x)
        {
            fixed (byte* to = y)
            {
                Widths.Check(new QuantizeStep(from, to, range.Scale, range.ZeroPoint), y, () => Assert.Equal(first = first.Length == 0 ? y[..] : first, y));
            }
        }
    });

    // values in and out of range, ties, and what is no number
    private static float[] Values(QuantizedRange range, int count, Random random)
    {
        float[] odd = [float.NaN, float.PositiveInfinity, float.NegativeInfinity, 0, -0f, float.Epsilon, float.MaxValue, float.MinValue];
        return
        [
            .. Enumerable.Range(0, count).Select(_ => random.Next(12) switch
            {
                0 => odd[random.Next(odd.Length)],
                < 4 => (random.Next(-20, 280) - range.ZeroPoint + 0.5f) * range.Scale,
                _ => ((random.NextSingle() * 300) - 20 - range.ZeroPoint) * range.Scale,
            }),
        ];
    }
}
