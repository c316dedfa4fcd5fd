using Halftone.Onnx;

namespace Halftone.Engine.Tests.Engines;

/// <summary>What gemmlowp promises: offsets of both sides, weights of -128, and its requantization beside the others'.</summary>
public sealed class GemmlowpTests
{
    public static TheoryData<string> Tiers => OneNode.Tiers;

    [Theory]
    [MemberData(nameof(Tiers))]
    public void Products_with_any_offsets_equal_the_triple_loop(string tier) =>
        IntegerProduct.Cases.Sample(
            c =>
            {
                var product = new IntegerProduct(c.Rows, c.Depth, c.Columns, signedWeights: false, c.PerColumn, c.Seed);
                var options = new EngineOptions { Tier = tier };
                Assert.Equal(product.Codes(), product.QLinear(constantWeights: true).Run(options).As<byte>().ToArray());
                Assert.Equal(product.Sums.Select(s => (float)s), OneNode.Sums(product.A, product.AZero, product.B, product.BZero).Run(options).ToFloats());
            },
            iter: 60,
            threads: 1);

    /// <summary>Two products of 255 and -128 leave 16 bits, as do two of 128 and -128 in gemmlowp's faster kernel of signed bytes, which must not be given such weights.</summary>
    [Theory]
    [MemberData(nameof(Tiers))]
    public void Weights_of_minus_128_break_no_kernel(string tier)
    {
        for (int depth = 1; depth <= 33; depth++)
        {
            foreach (byte code in (byte[])[255, 128])
            {
                Tensor a = Tensor.Of([.. Enumerable.Repeat(code, 5 * depth)], 5, depth);
                Tensor b = Tensor.Of([.. Enumerable.Repeat((sbyte)-128, depth * 17)], depth, 17);
                float[] sums = OneNode.Sums(a, Tensor.Scalar((byte)0), b, Tensor.Scalar((sbyte)0)).Run(new EngineOptions { Tier = tier }).ToFloats();
                Assert.All(sums, s => Assert.Equal(-128 * code * depth, s));
            }
        }
    }

    /// <summary>
    /// The scale as three floats, the sum, and what DoubleRounding, SingleRounding, Q31 and Float make of it. Golden values of the engines' own sources, moved by a whole number into a byte's reach:
    /// sums by 199800 (by 194400 where the scale is 0.0123456789), results by that times the scale.
    /// </summary>
    public static TheoryData<float, float, float, int, int[]> Requantizations => new()
    {
        { 1, 1, 2, -199, [-99, -99, -99, -100] },
        { 1, 1, 4, -198, [-50, -49, -50, -50] },
        { 1, 1, 4, -194, [-49, -48, -49, -48] },
        { 10821, 11409, 1e10f, -5548, [-69, -68, -69, -68] },
        { 3, 1, 10, -198, [-60, -59, -60, -59] },
        { 3, 1, 4, -194, [-145, -145, -145, -146] },
    };

    [Theory]
    [MemberData(nameof(Requantizations))]
    public void Sums_round_as_each_engine_rounds_them(float a, float b, float y, int sum, int[] expected)
    {
        Requantization[] forms = [Requantization.DoubleRounding, Requantization.SingleRounding, Requantization.Q31, Requantization.Float];
        byte[] codes = [255, (byte)(-sum % 255)];
        sbyte[] weights = [(sbyte)(sum / 255), -1];
        Tensor[] tail = [Tensor.Scalar(b), Tensor.Scalar((sbyte)0), Tensor.Scalar(y), Tensor.Scalar((byte)255)];
        Tensor[] head = [Tensor.Scalar(a), Tensor.Scalar((byte)0)];
        OneNode product = OneNode.Of(new Node("node", "QLinearMatMul", [], []), ElementType.UInt8, [Tensor.Of(codes, 1, 2), .. head, Tensor.Of(weights, 2, 1), .. tail], 0);
        OneNode conv = OneNode.Of(new Node("node", "QLinearConv", [], []), ElementType.UInt8, [Tensor.Of(codes, 1, 2, 1, 1), .. head, Tensor.Of(weights, 1, 2, 1, 1), .. tail], 0);
        foreach (string tier in Tiers.Select(t => t.Data))
        {
            EngineOptions[] options = [.. forms.Select(f => new EngineOptions { Requantization = f, Tier = tier })];
            Assert.Equal(expected, options.Select(o => product.Run(o).As<byte>()[0] - 255));
            Assert.Equal(expected, options.Select(o => conv.Run(o).As<byte>()[0] - 255));
        }
    }

    /// <summary>gemmlowp's own example (doc/quantization_example.cc): codes as it prints them, scales from the matrices it prints to three digits.</summary>
    [Fact]
    public void The_example_of_gemmlowp_gives_its_codes()
    {
        double[][] lhs = [[.629, .812, -.746, .827], [-.729, .67, .938, -.558]];
        double[][] rhs = [[.265, -.443, .915], [-.384, -.623, .993], [-.805, .0938, .93], [.0944, .986, .935]];
        double[] products = [.. from row in lhs from j in Enumerable.Range(0, 3) select row.Select((v, k) => v * rhs[k][j]).Sum()];
        float[] scales = [.. new[] { lhs.SelectMany(r => r), rhs.SelectMany(r => r), products }.Select(m => (float)((m.Max() - m.Min()) / 255))];
        Tensor[] inputs =
        [
            Tensor.Of((byte[])[208, 236, 0, 238, 3, 214, 255, 29], 2, 4), Tensor.Scalar(scales[0]), Tensor.Scalar((byte)113),
            Tensor.Of((byte[])[152, 51, 244, 60, 26, 255, 0, 127, 246, 127, 254, 247], 4, 3), Tensor.Scalar(scales[1]), Tensor.Scalar((byte)114),
            Tensor.Scalar(scales[2]), Tensor.Scalar((byte)118),
        ];
        OneNode node = OneNode.Of(new Node("node", "QLinearMatMul", [], []), ElementType.UInt8, inputs, 0);
        Assert.Equal<byte>([168, 115, 255, 0, 66, 151], node.Run(new EngineOptions { Requantization = Requantization.DoubleRounding }).As<byte>().ToArray());
    }
}
