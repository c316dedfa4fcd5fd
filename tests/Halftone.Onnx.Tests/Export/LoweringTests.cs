using System.Collections.Immutable;
using Halftone.Formats;
using Halftone.Numerics;
using Halftone.Onnx.Export;
using Halftone.Onnx.Export.Lowering;
using Halftone.Weights;

namespace Halftone.Onnx.Tests.Export;

/// <summary>Every weight format in ONNX Runtime against Dequantize, bit for bit: x + W with x = 0 shows the weight as it was restored.</summary>
public class LoweringTests
{
    private static readonly ImmutableArray<int> s_shape = [6, 5, 4];

    private static readonly Granularity[] s_granularities =
        [Granularity.Tensor, Granularity.Network, Granularity.Channel(0), Granularity.Channel(1), Granularity.Channel(2), Granularity.Block(1, 2), Granularity.Block(0, 4), Granularity.Block(2, 16)];

    public static TheoryData<int, bool, int> Widths
    {
        get
        {
            TheoryData<int, bool, int> data = [];
            foreach (int bits in Enumerable.Range(1, 16))
            {
                foreach (int opset in (int[])[17, 21, 25])
                {
                    if (bits <= 8 || opset >= 21)
                    {
                        data.Add(bits, true, opset);
                        data.Add(bits, false, opset);
                    }
                }
            }

            return data;
        }
    }

    public static TheoryData<string> WeightMethodIds => [.. WeightMethods.All.All.Select(e => e.Info.Id)];

    [Theory]
    [MemberData(nameof(WeightMethodIds))]
    public void What_any_weight_method_makes_with_and_without_its_mean_and_deviation_restored(string id)
    {
        var random = new Random(5);
        float[] values = [.. Enumerable.Range(0, 120).Select(i => (float)((random.NextDouble() - 0.4) * (1 + (i / 20))))];
        var weight = new WeightView(WeightKind.Conv, s_shape, 0, 1, 1, values);
        foreach (Granularity granularity in new[] { Granularity.Tensor, Granularity.Channel(0), Granularity.Block(1, 2) })
        {
            QuantizedTensor made = WeightMethods.All.Find(id).Default.Quantize(weight, new WeightTarget(new IntegerGrid(4, signed: true).Narrow, true, granularity), LayerStatistics.None);
            Check(made, 21);
            Check(MeanVarianceCorrection.Corrected(made, weight), 21);
        }
    }

    [Theory]
    [MemberData(nameof(Widths))]
    public void Affine_codes_of_any_width_in_any_groups(int bits, bool signed, int opset)
    {
        var random = new Random(bits);
        foreach (Granularity granularity in s_granularities.Where(g => g.BlockSize == 0 || opset >= 21))
        {
            foreach (bool halves in bits < 16 && (bits < 8 || opset >= 21) ? (bool[])[false, true] : [false])
            {
                AffineTensor weight = Affine(random, bits, signed, granularity, halves, offsets: bits % 2 == 0);
                Model model = Check(weight, opset);
                int stored = bits + (halves ? 1 : 0);
                int expected = stored <= 2 && opset >= 25 ? 2 : stored <= 4 && opset >= 21 ? 4 : stored <= 8 ? 8 : 16;
                Tensor codes = model.Graph.Constant("w_quantized")!;
                Assert.Equal(expected, codes.Type.Bits());
                Assert.Equal(((weight.Count * expected) + 7) / 8, codes.ByteLength);
                Assert.Contains(codes.Type.OnnxName(), WeightLowering.Describe(weight, opset), StringComparison.Ordinal);
            }
        }
    }

    [Theory]
    [InlineData(15)]
    [InlineData(21)]
    public void Small_floats_with_and_without_exponents(int opset)
    {
        SmallFloat[] types =
        [
            SmallFloat.Float16, SmallFloat.BFloat16, SmallFloat.Float8E4M3FN, SmallFloat.Float8E5M2, SmallFloat.Float4E2M1,
            new(3, 2, SpecialValues.None), new(2, 3, SpecialValues.None), new(4, 3, SpecialValues.InfinityAndNaN), new(5, 6, SpecialValues.InfinityAndNaN), new(8, 4, SpecialValues.NaN), new(6, 5, SpecialValues.None),
        ];
        var random = new Random(3);
        foreach (SmallFloat type in types)
        {
            int[] codes = [.. Enumerable.Range(0, 120).Select(_ => random.Next(1 << type.Bits))];
            Check(new FloatTensor(s_shape, type, codes), opset);
            foreach (Granularity granularity in s_granularities)
            {
                sbyte[] exponents = [.. Enumerable.Range(0, granularity.GroupCount(s_shape.AsSpan())).Select(_ => (sbyte)random.Next(-127, 128))];
                Check(new FloatTensor(s_shape, type, codes, granularity, [.. exponents]), opset);
            }
        }
    }

    [Theory]
    [InlineData(13)]
    [InlineData(25)]
    public void Codebooks_of_any_size_width_and_turn(int opset)
    {
        var random = new Random(5);
        foreach (int width in (int[])[1, 2, 4, 5])
        {
            foreach (int size in (int[])[1, 3, 4, 13, 200, 300])
            {
                foreach (Granularity granularity in s_granularities)
                {
                    Check(Codebook(random, s_shape, width, size, granularity, 1), opset);
                }

                foreach (int subspaces in (int[])[2, 3, 7])
                {
                    Check(Codebook(random, s_shape, width, size, Granularity.Tensor, subspaces), opset);
                }
            }
        }
    }

    [Fact]
    public void Codebooks_along_any_axes()
    {
        var random = new Random(6);
        foreach (ImmutableArray<int> order in (ImmutableArray<int>[])[[0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]])
        {
            foreach (int opset in (int[])[13, 25])
            {
                Check(Codebook(random, s_shape, 2, 13, Granularity.Tensor, 1, order), opset);
                Check(Codebook(random, s_shape, 2, 13, Granularity.Tensor, 3, order), opset);
                Check(Codebook(random, s_shape, 1, 4, Granularity.Channel(1), 1, order), opset);
            }
        }

        CodebookTensor along = Codebook(random, s_shape, 2, 5, Granularity.Tensor, 1, [2, 0, 1]);
        Check(new SumTensor([along, Codebook(random, s_shape, 3, 5, Granularity.Tensor, 1)]), 21);
        Assert.DoesNotContain(Check(Codebook(random, s_shape, 2, 5, Granularity.Tensor, 1, [0, 1, 2]), 21).Graph.Nodes, n => n.Is("Transpose"));
    }

    [Fact]
    public void Codebooks_by_channel_keep_short_indices()
    {
        // 64 books of 8 codewords: 3-bit indices in 4-bit storage, though there are 512 codewords
        Model model = Check(Codebook(new Random(1), [64, 128], 1, 8, Granularity.Channel(0), 1), 21);
        Assert.Equal(ElementType.UInt4, model.Graph.Constant("w_indices")!.Type);
    }

    [Fact]
    public void Binary_bases_and_sums_and_hashes()
    {
        var random = new Random(7);
        foreach (Granularity granularity in s_granularities)
        {
            foreach (int count in (int[])[1, 3])
            {
                Check(Bases(random, s_shape, granularity, count), 13);
            }
        }

        Check(Bases(random, [13, 5], Granularity.Channel(0), 2), 13); // 65 elements: a word and a bit
        AffineTensor affine = Affine(random, 8, true, Granularity.Channel(0), false, false);
        Check(new SumTensor([affine, Codebook(random, s_shape, 2, 5, Granularity.Tensor, 2), Bases(random, s_shape, Granularity.Tensor, 2), affine]), 17);
        foreach (int buckets in (int[])[1, 7, 100, 1000, 40000])
        {
            Check(new HashedTensor(s_shape, [.. Values(random, buckets)], seed: buckets), 21);
        }
    }

    [Fact]
    public void Sparse_tensors_over_each_kind_of_inner_tensor()
    {
        var random = new Random(9);
        foreach (int ones in (int[])[0, 1, 60, 120])
        {
            var mask = new ulong[2];
            foreach (int i in Enumerable.Range(0, 120).OrderBy(_ => random.Next()).Take(ones))
            {
                mask[i / 64] |= 1UL << (i % 64);
            }

            ImmutableArray<int> kept = [ones];
            QuantizedTensor[] inners =
            [
                new AffineTensor(kept, Granularity.Tensor, new(5, signed: false), [.. Enumerable.Range(0, ones).Select(_ => random.Next(32))], [0.3f], [7]),
                new AffineTensor(kept, Granularity.Tensor, new(3, signed: true), [.. Enumerable.Range(0, ones).Select(_ => random.Next(-4, 4))], [0.3f], [1], halfCodes: true),
                FloatTensor.Round(kept, Values(random, ones), SmallFloat.Float8E4M3FN),
                Codebook(random, kept, 1, 16, Granularity.Tensor, 1),
                Bases(random, kept, Granularity.Tensor, 2),
            ];
            foreach (QuantizedTensor inner in inners)
            {
                Check(new SparseTensor(s_shape, mask, inner), 21);
            }
        }
    }

    [Fact]
    public void Files_take_about_the_bits_that_the_format_counts()
    {
        var random = new Random(11);
        ImmutableArray<int> shape = [128, 512];
        QuantizedTensor[] formats =
        [
            Codebook(random, shape, 1, 16, Granularity.Tensor, 1), Codebook(random, shape, 4, 256, Granularity.Tensor, 4), Bases(random, shape, Granularity.Channel(0), 2),
            FloatTensor.Round(shape, Values(random, 65536), SmallFloat.Float8E5M2),
        ];
        Assert.All(formats, f =>
        {
            // names, nodes and shift counts take under 4 KB
            long bytes = Check(f, 21).ToBytes().LongLength;
            Assert.InRange(bytes, f.StorageBits / 8, (f.StorageBits / 8) + 4096);
        });
    }

    [Fact]
    public void What_has_no_type_in_onnx_is_refused_by_name()
    {
        AffineTensor wide = Affine(new Random(1), 16, true, Granularity.Tensor, halves: true, offsets: false);
        Assert.Contains("'w'", Assert.Throws<ModelException>(() => Lower(wide, 21)).Message, StringComparison.Ordinal);
        AffineTensor blocked = Affine(new Random(1), 4, true, Granularity.Block(0, 2), halves: false, offsets: false);
        Assert.Contains("'w'", Assert.Throws<ModelException>(() => Lower(blocked, 17)).Message, StringComparison.Ordinal);
        AffineTensor sixteen = Affine(new Random(1), 12, true, Granularity.Tensor, halves: false, offsets: false);
        Assert.Contains("opset 21", Assert.Throws<ModelException>(() => Lower(sixteen, 17)).Message, StringComparison.Ordinal);
    }

    private static Model Check(QuantizedTensor weight, int opset)
    {
        Model model = Lower(weight, opset);
        var zeros = new float[weight.Count];
        Dictionary<string, Tensor> feed = new() { ["x"] = Tensor.Of(zeros, [.. weight.Shape.Select(d => (long)d)]) };
        float[] expected = weight.Dequantize();

        // unoptimized each node computes by itself; optimized the runtime folds them into one constant
        Assert.Equal(expected, Oracle.Output(model, feed));
        Assert.Equal(expected, Oracle.Output(model, feed, optimize: true));
        return model;
    }

    private static Model Lower(QuantizedTensor weight, int opset)
    {
        long[] dims = [.. weight.Shape.Select(d => (long)d)];
        long?[] declared = [.. dims.Select(d => (long?)d)];
        Model model = Model.Create(opset, [new("x", ElementType.Float, declared)], [new("y", ElementType.Float, declared)]);
        model.Graph.SetConstant("w", Tensor.Of(new float[weight.Count], dims));
        model.Graph.Add(new Node("add", "Add", ["x", "w"], ["y"]));
        return QdqExport.Apply(model, QuantizationPlan.Empty with { Weights = QuantizationPlan.Empty.Weights.Add(new("add", 1), weight) });
    }

    private static AffineTensor Affine(Random random, int bits, bool signed, Granularity granularity, bool halves, bool offsets)
    {
        var grid = new IntegerGrid(bits, signed);
        int groups = granularity.GroupCount(s_shape.AsSpan());
        int[] Codes(int count) => [.. Enumerable.Range(0, count).Select(_ => random.Next(grid.Min, grid.Max + 1))];
        return new(s_shape, granularity, grid, Codes(120), [.. Enumerable.Range(0, groups).Select(_ => 0.01f + random.NextSingle())], [.. Codes(groups)],
            offsets ? [.. Values(random, groups)] : [], halfCodes: halves);
    }

    private static CodebookTensor Codebook(Random random, ImmutableArray<int> shape, int width, int size, Granularity granularity, int subspaces, ImmutableArray<int> order = default)
    {
        int books = granularity.GroupCount(shape.AsSpan()) * subspaces;
        int vectors = shape.Aggregate(1, (a, b) => a * b) / width;
        return new(shape, width, size, [.. Values(random, books * size * width)], [.. Enumerable.Range(0, vectors).Select(_ => random.Next(size))], granularity, subspaces, order);
    }

    private static BinaryBasisTensor Bases(Random random, ImmutableArray<int> shape, Granularity granularity, int count)
    {
        int elements = shape.Aggregate(1, (a, b) => a * b);
        int words = BinaryBasisTensor.WordCount(elements);
        var packed = new ulong[count * words];
        for (int m = 0; m < count; m++)
        {
            BinaryBasisTensor.PackSigns(Values(random, elements), packed.AsSpan(m * words, words));
        }

        return new(shape, granularity, [.. Values(random, count * granularity.GroupCount(shape.AsSpan()))], packed);
    }

    private static float[] Values(Random random, int count) => [.. Enumerable.Range(0, count).Select(_ => (random.NextSingle() * 2) - 1)];
}
