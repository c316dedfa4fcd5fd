using Halftone.Onnx.Export;

namespace Halftone.Onnx.Tests.Export;

public class MatMulNBitsTests
{
    [Theory]
    [InlineData(false, -8)]
    [InlineData(true, -3)]
    public void A_hand_packed_weight_unpacks_as_onnx_runtime_does(bool withZero, int first)
    {
        // byte i holds codes 2i and 2i + 1 modulo 16, low nibble first; the identity as input shows the weight
        var draft = new Draft(21);
        var identity = new float[32 * 32];
        for (int i = 0; i < 32; i++)
        {
            identity[i * 33] = 1;
        }

        draft.Input("x", Tensor.Of(identity, 32, 32));
        byte[] packed = [.. Enumerable.Range(0, 16).Select(i => (byte)((2 * i % 16) | (((2 * i) + 1) % 16 << 4)))];
        List<string> inputs = ["x", draft.Const(Tensor.Of(packed, 1, 1, 16)), draft.Const(Tensor.Of([1f], 1, 1))];
        if (withZero)
        {
            inputs.Add(draft.Const(Tensor.Of(new byte[] { 3 }, 1, 1)));
        }

        draft.Output(draft.Node("MatMulNBits", inputs, n => n.With("K", 32L).With("N", 1L).With("bits", 4L).With("block_size", 32L), "com.microsoft"));
        Model model = draft.Build();
        float[] expected = [.. Enumerable.Range(0, 32).Select(i => (float)((i % 16) + first))];
        Assert.Equal(expected, Oracle.Output(model, draft.Feed));

        Model qdq = FormatConversion.Convert(model, ModelFormat.Qdq).Model;
        Assert.Contains(qdq.Graph.Nodes, n => n.Op == "DequantizeLinear" && n.Int("block_size", 0) == 32);
        Assert.Equal(expected, Oracle.Output(qdq, draft.Feed));
        Assert.Equal(expected, Oracle.Output(FormatConversion.Convert(model, ModelFormat.Float).Model, draft.Feed));
        Model back = FormatConversion.Convert(qdq, ModelFormat.MatMulNBits).Model;
        Assert.Contains(back.Graph.Nodes, n => n.Op == "MatMulNBits");
        Assert.Equal(expected, Oracle.Output(back, draft.Feed));
    }

    [Fact]
    public void Blocks_of_any_type_and_length_compute_the_same() =>
        Gen.Select(Gen.Int[0, 3], Gen.Int[17, 70], Gen.Int[1, 9], Gen.Int[0, 2], Gen.Bool, Gen.Int[0, 1000]).Sample(
            (kind, k, n, blockPower, zeros, seed) =>
            {
                ElementType type = new[] { ElementType.Int4, ElementType.UInt4, ElementType.Int8, ElementType.UInt8 }[kind];
                int block = 16 << blockPower;
                int blocks = (k + block - 1) / block;
                var draft = new Draft(21, seed);
                Tensor Codes(params long[] dims)
                {
                    var bytes = new byte[type.ByteCount(dims[0] * dims[1])];
                    draft.Random.NextBytes(bytes);
                    return new Tensor(type, dims, bytes);
                }

                List<string> inputs = [draft.Const(Codes(k, n)), draft.Const(draft.Floats(0.01f, 0.1f, blocks, n))];
                if (zeros)
                {
                    inputs.Add(draft.Const(Codes(blocks, n)));
                }

                string w = draft.Node("DequantizeLinear", inputs, d => d.With("axis", 0L).With("block_size", block));
                draft.Output(draft.Node("MatMul", [draft.Input("x", -1, 1, 3, k), w]));
                Agree(draft, type);
            },
            iter: 30,
            threads: 1);

    [Theory]
    [InlineData("MatMul", false)]
    [InlineData("Gemm", false)]
    [InlineData("Gemm", true)]
    public void A_scale_a_column_is_repeated_over_blocks(string op, bool transposed)
    {
        var draft = new Draft(21);
        string w = transposed ? draft.Weight(ElementType.Int8, 0, 6, 40) : draft.Weight(ElementType.Int8, 1, 40, 6);
        string x = draft.Input("x", -1, 1, 3, 40);
        draft.Output(draft.Node(op, op == "Gemm" ? [x, w, draft.Const(draft.Floats(-1, 1, 6))] : [x, w], n => { if (transposed) { n.With("transB", 1L); } }));
        Agree(draft, ElementType.Int8);
    }

    [Fact]
    public void Blocks_before_opset_21_are_refused_with_the_cure()
    {
        var draft = new Draft(17);
        draft.Input("x", -1, 1, 2, 16);
        draft.Output(draft.Node("MatMulNBits", ["x", draft.Const(Tensor.Of(new byte[8], 1, 1, 8)), draft.Const(Tensor.Of([1f], 1, 1))], n => n.With("K", 16L).With("N", 1L).With("bits", 4L).With("block_size", 16L), "com.microsoft"));
        var error = Assert.Throws<ModelException>(() => FormatConversion.Convert(draft.Build(), ModelFormat.Qdq));
        Assert.Contains("upgrade the model from opset 17", error.Message, StringComparison.Ordinal);
    }

    private static void Agree(Draft draft, ElementType type)
    {
        Model qdq = draft.Build();
        float[] expected = Oracle.Output(qdq, draft.Feed);
        Model packed = FormatConversion.Convert(qdq, ModelFormat.MatMulNBits).Model;
        Node node = Assert.Single(packed.Graph.Nodes, n => n.Op == "MatMulNBits");
        Assert.Equal(type.Bits(), node.Int("bits", 0));
        double tolerance = 1e-4 * Math.Max(1, expected.Max(Math.Abs));
        Assert.InRange(Oracle.MaxDifference(expected, Oracle.Output(packed, draft.Feed)), 0, tolerance);
        Assert.InRange(Oracle.MaxDifference(expected, Oracle.Output(packed, draft.Feed, optimize: true)), 0, tolerance);
        Model back = FormatConversion.Convert(packed, ModelFormat.Qdq).Model;
        Assert.Equal(expected, Oracle.Output(back, draft.Feed));
    }
}
