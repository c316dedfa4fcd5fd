using Halftone.Onnx.Operators;
using Halftone.Onnx.Tests.Targets;

namespace Halftone.Onnx.Tests.Operators;

/// <summary>Random tensors, ties included, through ONNX Runtime's own operators: bit for bit the same.</summary>
public sealed class OnnxRuntimeAgreementTests
{
    private static readonly ElementType[] s_types =
    [
        ElementType.UInt8, ElementType.Int8, ElementType.UInt16, ElementType.Int16, ElementType.UInt4, ElementType.Int4,
        ElementType.UInt2, ElementType.Int2, ElementType.Float8E4M3FN, ElementType.Float8E4M3FNUZ, ElementType.Float8E5M2, ElementType.Float8E5M2FNUZ,
    ];

    public static TheoryData<ElementType, string> Cases => [.. from type in s_types
                                                               from layout in (string[])["tensor", "axis 0", "axis 1", "axis 2", "blocks 0", "blocks 1", "blocks 2"]
                                                               where !layout.StartsWith("blocks", StringComparison.Ordinal) || !type.IsSmallFloat()
                                                               select (type, layout)];

    [Theory]
    [MemberData(nameof(Cases))]
    public void QuantizeLinear_and_DequantizeLinear_agree(ElementType type, string layout)
    {
        long[] dims = [3, 5, 8];
        Random random = new(11);
        int axis = layout == "tensor" ? 1 : layout[^1] - '0';
        int block = layout.StartsWith("blocks", StringComparison.Ordinal) ? 2 : 0;
        long[] scaleDims = layout == "tensor" ? [] : block == 0 ? [dims[axis]] : [.. dims.Select((d, i) => i == axis ? (d + block - 1) / block : d)];
        int groups = (int)scaleDims.Aggregate(1L, (a, b) => a * b);

        // powers of two make ties exact; other scales make quotients that are not
        float[] scales = [.. Enumerable.Range(0, groups).Select(i => i % 2 == 0 ? MathF.ScaleB(1, -(i % 5)) : (random.NextSingle() * 0.9f) + 0.1f)];
        Tensor scale = new(ElementType.Float, scaleDims, Tensor.Of(scales, groups).Bytes.ToArray());
        (int min, int max) = type.IsSmallFloat() ? (0, 0) : Elements.Range(type);
        Tensor zero = type.IsSmallFloat() ? new(type, scaleDims, new byte[groups]) : Elements.Pack(type, scaleDims, [.. Enumerable.Range(0, groups).Select(_ => random.Next(min, max + 1))]);
        float spread = type.Bits() == 16 ? 80000 : type.IsSmallFloat() ? 700 : max * 3;
        float[] values = [.. Enumerable.Range(0, 120).Select(i => i % 3 == 0 ? random.Next(-40, 40) * 0.5f * 0.25f : (random.NextSingle() - 0.5f) * spread)];
        var x = Tensor.Of(values, dims);
        LinearOptions options = new() { Axis = axis, BlockSize = block };
        Tensor codes = QuantizeLinear.Run(x, scale, zero, options);
        Tensor back = DequantizeLinear.Run(codes, scale, zero, options);

        var model = Model.Create(type.Bits() == 2 ? 25 : 21, [new("x", ElementType.Float, [3, 5, 8])], [new("y", ElementType.Float, null), new("c", ElementType.Float, null)]);
        Graph g = model.Graph;
        g.SetConstant("s", scale);
        g.SetConstant("z", zero);
        g.SetConstant("one", Tensor.Scalar(1f));
        Node q = g.Add(new Node("q", "QuantizeLinear", ["x", "s", "z"], ["q"]));
        Node d = g.Add(new Node("d", "DequantizeLinear", ["q", "s", "z"], ["y"]));
        g.Add(new Node("u", "DequantizeLinear", ["q", "one"], ["c"])); // codes as floats
        foreach (Node node in (Node[])[q, d])
        {
            node.With("axis", axis).With("block_size", block);
        }

        Tensor[] theirs = Ort.Run(model, new Dictionary<string, Tensor> { ["x"] = x });
        Assert.Equal(theirs[1].ToFloats(), DequantizeLinear.Run(codes, Tensor.Scalar(1f)).ToFloats());
        Assert.Equal(theirs[0].ToFloats(), back.ToFloats());
    }

    [Fact]
    public void DynamicQuantizeLinear_agrees()
    {
        var model = Model.Create(13, [new("x", ElementType.Float, [null])], [new("y", ElementType.UInt8, null), new("s", ElementType.Float, null), new("z", ElementType.UInt8, null)]);
        model.Graph.Add(new Node("q", "DynamicQuantizeLinear", ["x"], ["y", "s", "z"]));
        for (int seed = 0; seed < 100; seed++)
        {
            Random random = new(seed);
            float shift = seed % 3 - 1;
            var x = Tensor.Of([.. Enumerable.Range(0, 50).Select(_ => seed == 0 ? 0 : (random.NextSingle() + shift) * (seed + 1))], 50);
            (Tensor codes, Tensor scale, Tensor zero) = DynamicQuantizeLinear.Run(x);
            Tensor[] theirs = Ort.Run(model, new Dictionary<string, Tensor> { ["x"] = x });
            Assert.Equal(theirs[1].ToFloats(), scale.ToFloats());
            Assert.Equal(theirs[2].ToInt64s(), zero.ToInt64s());
            Assert.Equal(theirs[0].ToInt64s(), codes.ToInt64s());
        }
    }
}
