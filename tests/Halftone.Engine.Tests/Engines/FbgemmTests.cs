using Halftone.Engine.Kernels;
using Halftone.Engine.Kernels.Products;
using Halftone.Engine.Kernels.Products.Narrow;
using Halftone.Onnx;

namespace Halftone.Engine.Tests.Engines;

/// <summary>What FBGEMM promises: saturating 16-bit sums bit for bit, outliers apart, offsets of both sides.</summary>
public sealed class FbgemmTests
{
    public static TheoryData<string> Tiers => [.. NarrowTiers.All.Where(t => t.IsSupported()).Select(t => t.Name)];

    [Theory]
    [MemberData(nameof(Tiers))]
    public void Kernels_saturate_as_the_definition_says(string tier) =>
        Gen.Select(ProductCase.WithoutResidual, Gen.Int[0, 2].Select(i => ((int[])[2, 6, 256])[i]), Gen.Int[1, 9], Gen.Int[0, int.MaxValue - 1]).Sample(
            (c, stretch, bits, seed) =>
            {
                var random = new Random(seed);
                int[] zeros = [.. Enumerable.Range(0, c.Problem.Channels).Select(_ => seed % 2 == 0 ? 0 : random.Next(-128, 128))];
                int? main = bits == 9 ? null : bits;
                var narrow = new ProductTier(
                    "narrow", () => true, p => NarrowTiers.All.Single(t => t.Name == tier).Build(NarrowProblem.Of(p, 1, new int[p.Channels], stretch, main) with { ZeroPoints = zeros }));
                byte[] expected = c.Expected((row, n) =>
                {
                    int[] weights = [.. c.Problem.Weights.AsSpan(n * row.Length, row.Length).ToArray().Select(w => (int)w)];
                    return c.Problem.Bias[n] + Sum([.. row.Select(a => (int)a)], weights, zeros[n], stretch, main ?? 9);
                });
                Assert.Equal(expected, c.Run(narrow));
            },
            iter: 300);

    [Theory]
    [MemberData(nameof(Tiers))]
    public void Sums_of_16_bits_are_widened_after_256_of_depth(string tier)
    {
        foreach (int depth in (int[])[255, 256, 257, 258, 511, 512, 513, 1025])
        {
            Tensor a = Tensor.Of([.. Enumerable.Repeat((byte)255, depth)], 1, depth);
            Tensor b = Tensor.Of([.. Enumerable.Repeat((sbyte)63, depth)], depth, 1);
            var options = new EngineOptions { Tier = tier, Accumulation = Accumulation.Int16WithOutliers };
            // a stretch saturates from its third place on
            int expected = (depth / 256 * 32767) + (depth % 256 == 0 ? 0 : Math.Min(32767, depth % 256 * 255 * 63));
            Assert.Equal(expected, Run(a, b, options)[0]);
        }
    }

    [Theory]
    [InlineData(Accumulation.Int32, 7, 33278)]
    [InlineData(Accumulation.PairSaturating, 7, 32767)]
    [InlineData(Accumulation.Int16WithOutliers, 7, 33278)]
    [InlineData(Accumulation.Int16WithOutliers, 8, 32767)]
    public void The_probe_tells_the_forms_apart(Accumulation accumulation, int mainBits, int expected)
    {
        Tensor a = Tensor.Of((byte[])[211, 171], 1, 2);
        Tensor b = Tensor.Of((sbyte[])[71, 107], 2, 1);
        foreach (string tier in OneNode.Tiers.Select(t => t.Data))
        {
            Assert.Equal(expected, Run(a, b, new EngineOptions { Tier = tier, Accumulation = accumulation, MainWeightBits = mainBits })[0]);
        }
    }

    /// <summary>64 products of 255 and 127, which a machine with AVX2 only sums to half of the truth.</summary>
    [Fact]
    public void Pairs_saturate_one_by_one()
    {
        Tensor a = Tensor.Of([.. Enumerable.Repeat((byte)255, 64)], 1, 64);
        Tensor b = Tensor.Of([.. Enumerable.Repeat((sbyte)127, 64)], 64, 1);
        Assert.Equal(2072640, Run(a, b, new EngineOptions())[0]);
        Assert.Equal(1048544, Run(a, b, new EngineOptions { Accumulation = Accumulation.PairSaturating })[0]);
        Tensor bytes = Tensor.Of([.. Enumerable.Repeat((byte)127, 64)], 64, 1);
        OneNode unsigned = OneNode.Sums(a, Tensor.Scalar((byte)0), bytes, Tensor.Scalar((byte)0));
        Assert.Equal(2072640, unsigned.Run(new EngineOptions { Accumulation = Accumulation.PairSaturating }).ToFloats()[0]);
    }

    [Theory]
    [InlineData(Accumulation.Int16WithOutliers)]
    [InlineData(Accumulation.PairSaturating)]
    public void Convolutions_saturate_along_the_window(Accumulation accumulation) =>
        Gen.Select(Gen.Int[0, int.MaxValue - 1], Gen.Bool, Gen.Bool, Gen.Bool.Select(b => b ? "reference" : null)).Sample(
            (seed, bytes, zeros, tier) =>
            {
                var conv = new WindowedConv(seed, bytes, zeros);
                bool outliers = accumulation == Accumulation.Int16WithOutliers;
                bool exact = conv.IsDepthwise || (bytes && !outliers);
                int lift = bytes ? 128 : 0;
                int Narrow(int[] window, int[] filter, int output)
                {
                    int[] signed = Array.ConvertAll(filter, w => w - lift);
                    int zero = conv.Zeros[output] - lift;
                    return Sum(window, signed, zero, outliers ? 256 : 2, outliers ? 7 : 9) - (WindowedConv.InputZero * signed.Sum(w => w - zero));
                }

                byte[] actual = conv.Node().Run(new EngineOptions { Tier = tier, Accumulation = accumulation }).As<byte>().ToArray();
                Assert.Equal(conv.Expected(exact ? conv.Exact : Narrow, conv.Nearest), actual);
            },
            iter: 80,
            threads: 1);

    /// <summary>Channels that are said to be exact are, for the worst of activations too; those that are not can be told from the truth.</summary>
    [Theory]
    [InlineData(Accumulation.Int16WithOutliers)]
    [InlineData(Accumulation.PairSaturating)]
    public void Channels_are_exact_if_and_only_if_said_so(Accumulation accumulation) =>
        Gen.Select(Gen.Int[0, int.MaxValue - 1], Gen.Int[1, 600], Gen.Int[1, 127]).Sample(
            (seed, depth, size) =>
            {
                var random = new Random(seed);
                double zeros = random.NextDouble();
                sbyte[] b = [.. Enumerable.Range(0, depth).Select(_ => (sbyte)(random.NextDouble() < zeros ? 0 : random.Next(-size - 1, size + 1)))];
                byte[] a = new byte[3 * depth];
                random.NextBytes(a);
                for (int k = 0; k < depth; k++)
                {
                    // the worst there are; outliers do not count
                    bool main = accumulation == Accumulation.PairSaturating || Math.Abs((int)b[k]) < 64;
                    a[depth + k] = main && b[k] > 0 ? (byte)255 : (byte)0;
                    a[(2 * depth) + k] = main && b[k] < 0 ? (byte)255 : (byte)0;
                }

                OneNode node = OneNode.Sums(Tensor.Of(a, 3, depth), Tensor.Scalar((byte)0), Tensor.Of(b, depth, 1), Tensor.Scalar((sbyte)0));
                using EngineSession session = EngineSession.Load(node.Model, new EngineOptions { Accumulation = accumulation });
                NarrowProduct product = Assert.Single(session.NarrowProducts);
                Assert.Equal(("node", accumulation, (long)depth, 1), (product.Node, product.Accumulation, product.Weights, product.Channels));
                Assert.Equal(accumulation == Accumulation.PairSaturating ? 0 : b.Count(w => w is <= -64 or >= 64), product.Outliers);
                Assert.Equal((double)product.Outliers / depth, product.Density);
                Assert.Equal(product.IsExact, node.Run().ToFloats().SequenceEqual(session.Run(node.Feed)["y"].ToFloats()));
            },
            iter: 200,
            threads: 1);

    [Fact]
    public void Exact_sums_are_not_listed_and_groups_of_one_node_count_as_one()
    {
        using EngineSession exact = EngineSession.Load(new WindowedConv(1).Node().Model);
        Assert.Empty(exact.NarrowProducts);
        WindowedConv grouped = Enumerable.Range(0, 100).Select(seed => new WindowedConv(seed)).First(c => c.Groups > 1 && !c.IsDepthwise);
        using EngineSession session = EngineSession.Load(grouped.Node().Model, new EngineOptions { Accumulation = Accumulation.Int16WithOutliers });
        NarrowProduct product = Assert.Single(session.NarrowProducts);
        Assert.Equal((grouped.Weights.Length, grouped.Outputs), (product.Weights, product.Channels));
        Assert.Equal(grouped.Weights.Count(w => Math.Abs(w) >= 64), product.Outliers);
    }

    [Theory]
    [InlineData("MatMulInteger")]
    [InlineData("QLinearMatMul")]
    public void Products_whose_weights_are_not_constant_cannot_saturate(string op)
    {
        var product = new IntegerProduct(2, 3, 4, signedWeights: true, perColumn: false, 1);
        OneNode node = op == "QLinearMatMul" ? product.QLinear(constantWeights: false)
            : OneNode.Of(new Node("node", op, [], []), ElementType.Int32, [product.A, product.B], 0, 1);
        foreach (Accumulation accumulation in (Accumulation[])[Accumulation.Int16WithOutliers, Accumulation.PairSaturating])
        {
            ModelException error = Assert.Throws<ModelException>(() => node.Run(new EngineOptions { Accumulation = accumulation }));
            Assert.Contains($"'node' ({op}) cannot have {accumulation} sums", error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Main_weights_have_1_to_8_bits()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new EngineOptions { MainWeightBits = 0 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new EngineOptions { MainWeightBits = 9 });
    }

    /// <summary>Row and column offsets: zero points on both sides, one for all or one a column, weights known before or not.</summary>
    [Theory]
    [MemberData(nameof(OneNode.Tiers), MemberType = typeof(OneNode))]
    public void Offsets_of_both_sides_are_taken_off(string tier) =>
        IntegerProduct.Cases.Sample(
            c =>
            {
                var product = new IntegerProduct(c.Rows, c.Depth, c.Columns, signedWeights: true, c.PerColumn, c.Seed);
                var options = new EngineOptions { Tier = tier };
                Assert.Equal(product.Codes(), product.QLinear(constantWeights: true).Run(options).As<byte>().ToArray());
                Assert.Equal(product.Codes(), product.QLinear(constantWeights: false).Run(options).As<byte>().ToArray());
                OneNode sums = OneNode.Of(new Node("node", "MatMulInteger", [], []), ElementType.Int32, [product.A, product.B, product.AZero, product.BZero], 0, 1);
                Assert.Equal(product.Sums, sums.Run(options).As<int>().ToArray());
            },
            iter: 50,
            threads: 1);

    /// <summary>127.5 as a quotient, by a hair less: FBGEMM multiplies by the reciprocal, which comes out above, and gets 128.</summary>
    [Fact]
    public void Codes_come_of_a_division()
    {
        float[] x = [0.273939937f];
        const float Scale = 0.00214854861f;
        OneNode node = OneNode.Of(new Node("node", "QuantizeLinear", [], []), ElementType.UInt8, [Tensor.Of(x, 1), Tensor.Scalar(Scale), Tensor.Scalar((byte)0)], 0);
        Assert.Equal(127, node.Run().As<byte>()[0]);
        Assert.Equal(128, MathF.Round(x[0] * (1 / Scale)));
    }

    /// <summary>The definition: pairs clip, their sums clip, a stretch at a time; outliers and the zero point are exact.</summary>
    private static int Sum(int[] row, int[] weights, int zero, int stretch, int mainBits)
    {
        long total = -(long)zero * row.Sum();
        for (int from = 0; from < row.Length; from += stretch)
        {
            double clipped = 0;
            for (int k = from; k < Math.Min(from + stretch, row.Length); k += 2)
            {
                double pair = 0;
                for (int i = k; i < Math.Min(k + 2, row.Length); i++)
                {
                    if (Math.Abs(weights[i]) < Math.Pow(2, mainBits - 1))
                    {
                        pair += row[i] * weights[i];
                    }
                    else
                    {
                        total += row[i] * weights[i];
                    }
                }

                clipped = Math.Max(-32768, Math.Min(32767, clipped + Math.Max(-32768, Math.Min(32767, pair))));
            }

            total += (long)clipped;
        }

        return unchecked((int)total);
    }

    private static float[] Run(Tensor a, Tensor b, EngineOptions options) => OneNode.Sums(a, Tensor.Scalar((byte)0), b, Tensor.Scalar((sbyte)0)).Run(options).ToFloats();
}
