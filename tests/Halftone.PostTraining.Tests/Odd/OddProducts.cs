using Halftone.Onnx;

namespace Halftone.PostTraining.Tests.Odd;

/// <summary>Matrix products of every kind.</summary>
internal static class OddProducts
{
    public static IReadOnlyList<OddLayer> All { get; } =
    [
        new("gemm", () => Of(n => n.Op("Gemm", ["x", n.Constant("w", 0.2f, 40, 24), n.Constant("b", 0.1f, 24)], "y"), null, 40)),
        new("gemm transposed", () => Of(n => n.Op("Gemm", ["x", n.Constant("w", 0.2f, 24, 40), n.Constant("b", 0.1f, 24)], "y", g => g.With("transB", 1)), null, 40)),
        new("gemm input transposed", () => Of(n => n.Op("Gemm", ["x", n.Constant("w", 0.2f, 40, 24), n.Constant("b", 0.1f, 24)], "y", g => g.With("transA", 1)), 40, 3)),
        new("gemm alpha beta", () => Of(n => n.Op("Gemm", ["x", n.Constant("w", 0.2f, 40, 24), n.Constant("b", 0.1f, 24)], "y", g => g.With("alpha", 0.5f).With("beta", 2f)), null, 40)),
        new("gemm bias matrix", () => Of(n => n.Op("Gemm", ["x", n.Constant("w", 0.2f, 40, 24), n.Constant("b", 0.1f, 1, 24)], "y"), null, 40)),
        new("gemm bias scalar", () => Of(n => n.Op("Gemm", ["x", n.Constant("w", 0.2f, 40, 24), n.Constant("b", Tensor.Of([0.3f], 1))], "y"), null, 40)),
        new("gemm without bias", () => Of(n => n.Op("Gemm", ["x", n.Constant("w", 0.2f, 40, 24)], "y"), null, 40)),
        new("matmul add relu", () => Of(n => n.Op("Relu", [n.Op("Add", [n.Op("MatMul", ["x", n.Constant("w", 0.2f, 40, 24)], "p"), n.Constant("b", 0.1f, 24)], "s")], "y"), null, 40)),
        new("matmul shared initializer", SharedMatMul),
        new("matmul batched constant", () => Of(n => n.Op("MatMul", ["x", n.Constant("w", 0.2f, 3, 40, 24)], "y"), null, 3, 5, 40)),
        new("matmul of sequence", () => Of(n => n.Op("MatMul", ["x", n.Constant("w", 0.2f, 40, 24)], "y"), null, 5, 40)),
        new("matmul constant first", () => Of(n => n.Op("MatMul", [n.Constant("w", 0.2f, 24, 40), "x"], "y"), 40, 6)),
        new("matmul of two activations", () => Of(n => n.Op("MatMul", [n.Op("MatMul", ["x", n.Constant("w", 0.2f, 16, 16)], "q"), n.Op("Transpose", ["q"], "k", t => t.With("perm", [0L, 2, 1]))], "y"), null, 5, 16)),
        new("matmul by vector", () => Of(n => n.Op("MatMul", ["x", n.Constant("w", 0.2f, 40)], "y"), null, 40)),
        new("matmul K not a multiple of the block", () => Of(n => n.Op("MatMul", ["x", n.Constant("w", 0.2f, 45, 24)], "y"), null, 45)),
        new("embedding tied to matmul", () => Tied(gemm: false)),
        new("embedding tied to gemm", () => Tied(gemm: true)),
        new("attention block", Attention),
        new("mlp gelu", Gelu),
    ];

    private static Model Of(Action<Net> add, params long?[] dims)
    {
        var net = new Net(dims);
        add(net);
        return net.Model;
    }

    private static Model SharedMatMul()
    {
        var net = new Net([null, 32]);
        net.Constant("w", 0.2f, 32, 32);
        net.Op("MatMul", ["x", "w"], "p");
        net.Op("Relu", ["p"], "r");
        net.Op("MatMul", ["r", "w"], "y");
        return net.Model;
    }

    // the table is the output layer's weight as well: by Transpose and MatMul, or by Gemm with transB
    private static Model Tied(bool gemm)
    {
        var net = new Net([new("ids", ElementType.Int64, [gemm ? 6 : 1, gemm ? null : 5])], ["y"]);
        net.Constant("table", 0.5f, 10, 32);
        if (gemm)
        {
            net.Op("Gather", ["table", net.Op("Reshape", ["ids", net.Integers("flat", -1)], "list")], "e");
            net.Op("Tanh", ["e"], "t");
            net.Op("Gemm", ["t", "table"], "y", n => n.With("transB", 1));
        }
        else
        {
            net.Op("Gather", ["table", "ids"], "e");
            net.Op("Tanh", ["e"], "t");
            net.Op("MatMul", ["t", net.Op("Transpose", ["table"], "turned", n => n.With("perm", [1L, 0]))], "y");
        }

        return net.Model;
    }

    private static Model Attention()
    {
        var net = new Net([null, 6, 16], opset: 17);
        net.Op("LayerNormalization", ["x", net.Constant("gain", Tensor.Of([.. Enumerable.Repeat(1f, 16)], 16)), net.Constant("shift", 0.1f, 16)], "n", n => n.With("axis", -1));
        foreach (string part in (string[])["q", "k", "v"])
        {
            net.Op("MatMul", ["n", net.Constant($"w{part}", 0.25f, 16, 16)], part);
        }

        net.Op("Transpose", ["k"], "kt", t => t.With("perm", [0L, 2, 1]));
        net.Op("MatMul", ["q", "kt"], "scores");
        net.Op("Mul", ["scores", net.Scalar("quarter", 0.25f)], "scaled");
        net.Op("Softmax", ["scaled"], "weights", n => n.With("axis", -1));
        net.Op("MatMul", ["weights", "v"], "mixed");
        net.Op("MatMul", ["mixed", net.Constant("wo", 0.25f, 16, 16)], "o");
        net.Op("Add", ["o", "x"], "y");
        return net.Model;
    }

    private static Model Gelu()
    {
        var net = new Net([null, 16], opset: 20);
        net.Op("Gemm", ["x", net.Constant("w1", 0.25f, 16, 48), net.Constant("b1", 0.1f, 48)], "h");
        net.Op("Gelu", ["h"], "g");
        net.Op("LayerNormalization", ["g", net.Constant("gain", Tensor.Of([.. Enumerable.Repeat(1f, 48)], 48))], "n", n => n.With("axis", -1));
        net.Op("Gemm", ["n", net.Constant("w2", 0.15f, 48, 16), net.Constant("b2", 0.1f, 16)], "o");
        net.Op("Softmax", ["o"], "y", n => n.With("axis", -1));
        return net.Model;
    }
}
