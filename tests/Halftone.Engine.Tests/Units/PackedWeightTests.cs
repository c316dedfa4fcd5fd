using Halftone.Engine.Steps;
using Halftone.Onnx;

namespace Halftone.Engine.Tests.Units;

/// <summary>Weights of 4 and 2 bits stay packed in convolutions and products of codes, and give what the same weights of 8 bits do.</summary>
public sealed class PackedWeightTests
{
    [Fact]
    public void Packed_weights_give_what_bytes_do() => Gen.Select(Gen.Int[0, 1 << 30], Gen.Int[0, 3], Gen.Int[1, 70], Gen.Int[1, 20], Gen.Int[1, 10]).Sample(
        (seed, type, filters, channels, size) =>
        {
            ElementType packed = ((ElementType[])[ElementType.Int4, ElementType.UInt4, ElementType.Int2, ElementType.UInt2])[type];
            QdqModel small = Net(seed, filters, channels, size, packed, asBytes: false), bytes = Net(seed, filters, channels, size, packed, asBytes: true);
            foreach (EngineTier tier in EngineTiers.All.Where(t => t.IsSupported))
            {
                using var first = EngineSession.Load(small.Model, new EngineOptions { Tier = tier.Name, Threads = 1 });
                using var second = EngineSession.Load(bytes.Model, new EngineOptions { Tier = tier.Name, Threads = 1 });
                IReadOnlyDictionary<string, Tensor> expected = second.Run(small.Inputs);
                Assert.All(first.Run(small.Inputs), y => Assert.True(y.Value.Bytes.SequenceEqual(expected[y.Key].Bytes), $"{y.Key}, {tier.Name}, {packed}"));
                (string Name, long Bytes)[] steps = Products(first), others = Products(second);
                Assert.Equal(others.Select(s => s.Name), steps.Select(s => s.Name));
                if (tier.Name != "reference")
                {
                    // segments of one step share their bytes with nothing
                    Assert.All(steps.Zip(others), s => Assert.True(s.First.Bytes < s.Second.Bytes || channels <= 4, $"{tier.Name}, {packed}: {s.First} and {s.Second}"));
                }
            }
        },
        iter: 40);

    /// <summary>Sums of so many packed weights could leave 32 bits: they become bytes.</summary>
    [Fact]
    public void Deep_products_are_of_bytes()
    {
        const int Depth = Kernels.Products.ProductProblem.DeepestPacked + 1;
        var model = new QdqModel(1, new Dictionary<string, long[]> { ["x"] = [1, Depth] }, "y");
        model.Node("MatMul", [model.Qdq("x", 2f / 127, 0, false), Weight(model, new Random(2), ElementType.Int4, false, Depth, 1)], "p");
        model.Quantize("p", 3f, 128, false, "y");
        UnitRun.Check(model.Model, model.Inputs, "MatMul", typeof(ProductStep));
    }

    /// <summary>The fewest bits that hold all codes less their zero point, but never fewer than asked for by a constant of bytes.</summary>
    [Theory]
    [InlineData(ElementType.Int4, 0, new[] { -8, 7 }, 4)]
    [InlineData(ElementType.Int4, 0, new[] { -2, 1 }, 2)]
    [InlineData(ElementType.Int4, 0, new[] { -2, 2 }, 4)]
    [InlineData(ElementType.Int4, 0, new[] { -3, 1 }, 4)]
    [InlineData(ElementType.Int4, -1, new[] { -8, 7 }, 8)]
    [InlineData(ElementType.Int4, 1, new[] { -8, 7 }, 8)]
    [InlineData(ElementType.UInt4, 8, new[] { 0, 15 }, 4)]
    [InlineData(ElementType.UInt4, 0, new[] { 0, 15 }, 8)]
    [InlineData(ElementType.Int2, 0, new[] { -2, 1 }, 2)]
    [InlineData(ElementType.UInt2, 1, new[] { 0, 3 }, 4)]
    [InlineData(ElementType.UInt2, 2, new[] { 0, 3 }, 2)]
    [InlineData(ElementType.Int8, 0, new[] { -1, 1 }, 8)]
    public void Bits(ElementType type, int zero, int[] codes, int bits) =>
        Assert.Equal(bits, Compilation.Weights.Of(Constant(type, codes).Widened(), Tensor.Of([1f], 1), Constant(type, [zero]).Widened(), true, 0, type.Bits())!.Bits);

    private static (string Name, long Bytes)[] Products(EngineSession session) =>
    [
        .. session.RecentPlan!.Steps.Where(s => s is ProductStep or WinogradStep).Select(s => (s.Name, s is ProductStep product ? product.WeightBytes : ((WinogradStep)s).WeightBytes)),
    ];

    private static QdqModel Net(int seed, int filters, int channels, int size, ElementType packed, bool asBytes)
    {
        var random = new Random(seed);
        int groups = random.Next(3) == 0 ? 2 : 1;
        var model = new QdqModel(seed, new Dictionary<string, long[]> { ["x"] = [1, channels * groups, size, size], ["m"] = [size, channels] }, "y1", "y2", "y3");
        string x = model.Qdq("x", 2f / 127, random.Next(256), random.Next(2) == 0);
        string m = model.Qdq("m", 2f / 127, random.Next(256), random.Next(2) == 0);
        model.Node("Conv", [x, Weight(model, random, packed, asBytes, filters * groups, channels, 3, 3)], "c").With("pads", [1L, 1, 1, 1]).With("group", groups);
        model.Node("ConvTranspose", [x, Weight(model, random, packed, asBytes, channels * groups, filters, 2, 2)], "t").With("strides", [2L, 2]).With("group", groups);
        model.Node("MatMul", [m, Weight(model, random, packed, asBytes, channels, filters)], "p");
        model.Quantize("c", 0.3f, 128, false, "y1");
        model.Quantize("t", 0.3f, 100, true, "y2");
        model.Quantize("p", 0.3f, 128, false, "y3");
        return model;
    }

    private static string Weight(QdqModel model, Random random, ElementType packed, bool asBytes, params long[] dims)
    {
        string name = $"w{model.Model.Graph.Nodes.Count}";
        int middle = packed is ElementType.UInt4 ? 8 : packed is ElementType.UInt2 ? random.Next(1, 3) : 0;
        int lowest = packed is ElementType.Int4 ? -8 : packed is ElementType.Int2 ? -2 : 0;
        int[] codes = [.. Enumerable.Range(0, (int)dims.Aggregate((a, b) => a * b)).Select(_ => random.Next(lowest, lowest + (1 << packed.Bits())))];
        ElementType type = !asBytes ? packed : lowest < 0 ? ElementType.Int8 : ElementType.UInt8;
        model.Constant($"{name}_codes", Constant(type, codes, dims));
        model.Constant($"{name}_scale", Tensor.Scalar(0.02f));
        model.Constant($"{name}_zero", Constant(type, [middle], []));
        return model.Node("DequantizeLinear", [$"{name}_codes", $"{name}_scale", $"{name}_zero"], name).Outputs[0];
    }

    private static Tensor Constant(ElementType type, int[] codes) => Constant(type, codes, codes.Length);

    private static Tensor Constant(ElementType type, int[] codes, params long[] dims)
    {
        int bits = type.Bits();
        var bytes = new byte[type.ByteCount(codes.Length)];
        for (int i = 0; i < codes.Length; i++)
        {
            bytes[i * bits / 8] |= (byte)((codes[i] & ((1 << bits) - 1)) << (i * bits % 8));
        }

        return new Tensor(type, dims, bytes);
    }
}
