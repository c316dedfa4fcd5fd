using Halftone.Engine.Kernels.Pointwise;
using Halftone.Onnx;

namespace Halftone.Engine.Tests.Pointwise;

public sealed unsafe class ElementwiseTests
{
    private static readonly Gen<QuantizedRange> s_range =
        Gen.Select(Gen.Double[-7, 1], Gen.Byte, (exponent, zero) => new QuantizedRange((float)Math.Pow(10, exponent), zero));

    private static readonly Gen<QuantizedBinary> s_binary = Gen.OneOf(
        Gen.Select(s_range, s_range, s_range, (a, b, y) => new QuantizedBinary(a, b, y)),

        // scales of one size, as networks have them: most results are no saturated ones
        Gen.Select(s_range, Gen.Double[0.2, 5], Gen.Double[0.2, 5], Gen.Byte, Gen.Byte, (a, rb, ry, zb, zy) =>
            new QuantizedBinary(a, new((float)(a.Scale * rb), zb), new((float)(a.Scale * ry), zy))),

        // and powers of two, for ties
        Gen.Select(Gen.Int[-4, 4], Gen.Int[-4, 4], Gen.Byte, Gen.Byte, Gen.Byte, (ea, eb, za, zb, zy) =>
            new QuantizedBinary(new(MathF.ScaleB(1, ea), za), new(MathF.ScaleB(1, eb), zb), new(1, zy))))
        .Where(IsFit);

    [Fact]
    public void Add_of_all_pairs_equals_QLinearAdd() => AllPairs<AddStep>("Add", range => range);

    // products of small scales need a small output scale
    [Fact]
    public void Mul_of_all_pairs_equals_QLinearMul() =>
        AllPairs<MulStep>("Mul", range => range with { Y = range.Y with { Scale = range.Y.Scale * range.A.Scale * 64 } });

    [Fact]
    public void Results_far_out_of_range_saturate()
    {
        var range = new QuantizedBinary(new(10, 100), new(10, 100), new(1e-9f, 7));
        Assert.Equal([255, 0, 0, 255], Compute<MulStep>(range, [255, 255, 0, 0], [255, 0, 255, 0]));
        Assert.Equal([255, 255, 0, 0], Compute<AddStep>(range, [255, 255, 0, 0], [255, 0, 150, 0]));
        Assert.Equal([255, 255, 0, 0], Compute<SubStep>(range, [255, 255, 0, 0], [0, 200, 255, 100]));
    }

    [Fact]
    public void Sub_of_all_pairs_equals_float_nodes() => s_binary.Sample(
        range =>
        {
            (byte[] a, byte[] b) = Pairs();
            float[] x = Dequantized(a, range.A), z = Dequantized(b, range.B);
            float[] difference = Ort.Run(Ort.Plain("Sub"), [Tensor.Of(x, 65536), Tensor.Of(z, 65536)], ElementType.Float, _ => true).ToFloats();
            byte[] expected = Ort.Run(
                Ort.Plain("QuantizeLinear"), [Tensor.Of(difference, 65536), .. Ort.Constants(range.Y)], ElementType.UInt8, i => i == 0).Bytes.ToArray();
            Assert.Equal(expected, Compute<SubStep>(range, a, b));
        },
        iter: 30);

    [Fact]
    public void A_value_a_channel_equals_QLinearMul_and_QLinearAdd() =>
        Gen.Select(s_binary, Gen.Int[1, 130], Gen.Int[1, 9], Gen.Int[1, 5], Gen.Int[0, 2], Gen.Int[0, 1000]).Sample(
            (range, channels, width, height, border, seed) =>
            {
                PerChannel<MulStep>("Mul", range, channels, width, height, border, new Random(seed));
                PerChannel<AddStep>("Add", range, channels, width, height, border, new Random(seed));
            },
            iter: 60);

    [Fact]
    public void A_constant_makes_a_table() => Gen.Select(s_binary, Gen.Byte).Sample(
        (range, constant) =>
        {
            byte[] codes = [.. Enumerable.Range(0, 256).Select(i => (byte)i)];
            byte* table = stackalloc byte[256];
            Elementwise.TableOf<MulStep>(range, constant, constantFirst: false, table);
            Assert.Equal(Ort.Binary("Mul", range, Ort.Bytes(codes, 256), Ort.Bytes([constant], 1)), new Span<byte>(table, 256).ToArray());
            Elementwise.TableOf<AddStep>(range, constant, constantFirst: false, table);
            Assert.Equal(Ort.Binary("Add", range, Ort.Bytes(codes, 256), Ort.Bytes([constant], 1)), new Span<byte>(table, 256).ToArray());
        },
        iter: 30);

    [Fact]
    public void Rows_may_be_split_borders_stay_and_results_may_lie_on_operands() =>
        Gen.Select(s_binary, Gen.Int[1, 130], Gen.Int[1, 40], Gen.Int[1, 6], Gen.Int[0, 2], Gen.Byte, Gen.Byte, Gen.Int[0, 1000]).Sample(
            (range, channels, width, height, border, least, most, seed) =>
            {
                var random = new Random(seed);
                QuantizedBinary clamped = range with { Least = Math.Min(least, most), Most = Math.Max(least, most) };
                using var a = new TestImage(height, width, channels, border, random);
                using var b = new TestImage(height, width, channels, 0, random);
                using var y = new TestImage(height, width, channels, border, random);
                byte[] expected = [.. Compute<AddStep>(range, a.Planes, b.Planes).Select(v => Math.Clamp(v, clamped.Least, clamped.Most))];
                int split = random.Next(height + 1);
                Elementwise.Images<AddStep>(clamped, a.Origin, a.Layout, b.Origin, b.Layout, y.Origin, y.Layout, split, height);
                Elementwise.Images<AddStep>(clamped, a.Origin, a.Layout, b.Origin, b.Layout, y.Origin, y.Layout, 0, split);
                Assert.Equal(expected, y.Planes);
                y.AssertBorderUntouched();
                Elementwise.Images<AddStep>(clamped, a.Origin, a.Layout, b.Origin, b.Layout, a.Origin, a.Layout, 0, height);
                Assert.Equal(expected, a.Planes);
                a.AssertBorderUntouched();
            },
            iter: 200);

    [Fact]
    public void All_widths_compute_the_same() => s_binary.Sample(
        range =>
        {
            SameAtAllWidths<AddStep>(range);
            SameAtAllWidths<SubStep>(range);
            SameAtAllWidths<MulStep>(range);
        },
        iter: 30);

    // where ONNX Runtime's results are below 2^31, and no wrapped ones
    private static bool IsFit(QuantizedBinary range) =>
        Math.Max((double)range.A.Scale * range.B.Scale * 65025, (range.A.Scale + range.B.Scale) * 255d) / range.Y.Scale < 1 << 30;

    private static void SameAtAllWidths<TStep>(QuantizedBinary range)
        where TStep : struct, IBinaryStep<TStep>
    {
        (byte[] a, byte[] b) = Pairs();
        byte[] expected = Compute<TStep>(range, a, b);
        var y = new byte[a.Length];
        fixed (byte* pa = a, pb = b, py = y)
        {
            var row = new BinaryRow<TStep>(TStep.Of(range), pa, pb, py, 0, 255);
            Widths.Check(row, y, () => Assert.Equal(expected, y));
        }
    }

    private static void AllPairs<TStep>(string op, Func<QuantizedBinary, QuantizedBinary> fit)
        where TStep : struct, IBinaryStep<TStep> => s_binary.Sample(
        drawn =>
        {
            QuantizedBinary range = fit(drawn);
            if (!IsFit(range))
            {
                return;
            }

            (byte[] a, byte[] b) = Pairs();
            Assert.Equal(Ort.Binary(op, range, Ort.Bytes(a, 65536), Ort.Bytes(b, 65536)), Compute<TStep>(range, a, b));
        },
        iter: 100);

    private static void PerChannel<TStep>(string op, QuantizedBinary range, int channels, int width, int height, int border, Random random)
        where TStep : struct, IBinaryStep<TStep>
    {
        using var a = new TestImage(height, width, channels, border, random);
        using var b = new TestImage(1, 1, channels, 0, random);
        using var y = new TestImage(height, width, channels, border, random);
        int split = random.Next(height + 1);
        Elementwise.PerChannel<TStep>(range, a.Origin, a.Layout, b.Origin, y.Origin, y.Layout, 0, split);
        Elementwise.PerChannel<TStep>(range, a.Origin, a.Layout, b.Origin, y.Origin, y.Layout, split, height);
        Assert.Equal(Ort.Binary(op, range, Ort.Bytes(a.Planes, 1, channels, height, width), Ort.Bytes(b.Planes, 1, channels, 1, 1)), y.Planes);
        y.AssertBorderUntouched();
    }

    private static (byte[] A, byte[] B) Pairs() =>
        ([.. Enumerable.Range(0, 65536).Select(i => (byte)(i / 256))], [.. Enumerable.Range(0, 65536).Select(i => (byte)i)]);

    private static float[] Dequantized(byte[] codes, QuantizedRange range) =>
        Ort.Run(Ort.Plain("DequantizeLinear"), [Ort.Bytes(codes, codes.Length), .. Ort.Constants(range)], ElementType.Float, i => i == 0).ToFloats();

    private static byte[] Compute<TStep>(QuantizedBinary range, byte[] a, byte[] b)
        where TStep : struct, IBinaryStep<TStep>
    {
        var y = new byte[a.Length];
        var layout = ImageLayout.Packed(1, a.Length, 1);
        fixed (byte* pa = a, pb = b, py = y)
        {
            Elementwise.Images<TStep>(range, pa, layout, pb, layout, py, layout, 0, 1);
        }

        return y;
    }
}
