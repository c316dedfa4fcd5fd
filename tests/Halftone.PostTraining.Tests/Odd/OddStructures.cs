using Halftone.Onnx;

namespace Halftone.PostTraining.Tests.Odd;

/// <summary>Layers that are plain, in places that are not.</summary>
internal static class OddStructures
{
    public static IReadOnlyList<OddLayer> All { get; } =
    [
        new("concat of one input twice", () => Of(n => n.Conv(n.Op("Concat", [n.Conv("x", "c", 4, 8), "c"], "t", c => c.With("axis", 1)), "y", 4, 8))),
        new("add of one input twice", () => Of(n => n.Op("Add", [n.Conv("x", "c", 4, 8), "c"], "y"))),
        new("add with constant", () => Of(n => n.Conv(n.Op("Add", [n.Conv("x", "c", 8, 8), n.Constant("k", 0.5f, 1, 8, 1, 1)], "a"), "y", 4, 8))),
        new("mul with scalar constant", () => Of(n => n.Conv(n.Op("Mul", [n.Conv("x", "c", 8, 8), n.Scalar("k", 0.7f)], "a"), "y", 4, 8))),
        new("add constant first", () => Of(n => n.Conv(n.Op("Add", [n.Constant("k", 0.5f, 8, 1, 1), n.Conv("x", "c", 8, 8)], "a"), "y", 4, 8))),
        new("constant zero", () => Of(n => n.Conv(n.Op("Mul", [n.Conv("x", "c", 8, 8), n.Scalar("k", 0)], "a"), "y", 4, 8))),
        new("reshape and transpose between", Moves),
        new("pool chain to gemm", PoolChain),
        new("residual", Residual),
        new("squeeze and excite", SqueezeExcite),
        new("output of an inner value", InnerOutput),
        new("output through reshape", () => Of(n => n.Op("Reshape", [n.Conv("x", "c", 4, 8), n.Integers("s", 0, -1)], "y"))),
        new("split in two", SplitInTwo),
        new("lstm inside if", LstmInsideIf),
        new("lstm between products", Lstm),
        new("softmax between", () => Of(n => n.Conv(n.Op("Softmax", [n.Conv("x", "c", 8, 8)], "s", s => s.With("axis", 1)), "y", 4, 8))),
        new("free lengths", () => Of(n => n.Conv("x", "y", 4, 8), null, 8, null, null)) { FreeLength = 9 },
        new("resize and pad", ResizePad),
    ];

    private static Model Of(Action<Net> add, params long?[] dims)
    {
        var net = new Net(dims.Length == 0 ? [null, 8, 8, 8] : dims);
        add(net);
        return net.Model;
    }

    private static Model Moves()
    {
        var net = new Net([null, 8, 4, 4]);
        net.Conv("x", "c", 8, 8);
        net.Op("Transpose", ["c"], "t", n => n.With("perm", [0L, 2, 3, 1]));
        net.Op("Reshape", ["t", net.Integers("s", 0, 16, 8)], "r");
        net.Op("MatMul", ["r", net.Constant("w", 0.3f, 8, 6)], "p");
        net.Op("Add", ["p", net.Constant("b", 0.1f, 6)], "y");
        return net.Model;
    }

    private static Model PoolChain()
    {
        var net = new Net([null, 8, 8, 8]);
        net.Op("Relu", [net.Conv("x", "c", 8, 8)], "r");
        net.Op("MaxPool", ["r"], "m", n => n.With("kernel_shape", [2L, 2]).With("strides", [2L, 2]));
        net.Op("AveragePool", ["m"], "a", n => n.With("kernel_shape", [2L, 2]).With("strides", [2L, 2]));
        net.Op("Flatten", ["a"], "f");
        net.Op("Gemm", ["f", net.Constant("w", 0.2f, 32, 10), net.Constant("b", 0.1f, 10)], "y");
        return net.Model;
    }

    private static Model Residual()
    {
        var net = new Net([null, 8, 8, 8]);
        net.Op("Relu", [net.Conv("x", "c1", 8, 8)], "r1");
        net.Conv("r1", "c2", 8, 8);
        net.Op("Add", ["c2", "x"], "s");
        net.Op("Relu", ["s"], "r2");
        net.Op("GlobalAveragePool", ["r2"], "g");
        net.Op("Flatten", ["g"], "f");
        net.Op("Gemm", ["f", net.Constant("w", 0.3f, 5, 8), net.Constant("b", 0.1f, 5)], "y", n => n.With("transB", 1));
        return net.Model;
    }

    private static Model SqueezeExcite()
    {
        var net = new Net([null, 8, 8, 8]);
        net.Op("Relu", [net.Conv("x", "c", 8, 8)], "r");
        net.Op("GlobalAveragePool", ["r"], "g");
        net.Op("Relu", [net.Conv("g", "down", 4, 8, kernel: 1)], "d");
        net.Op("Sigmoid", [net.Conv("d", "up", 8, 4, kernel: 1)], "gate");
        net.Op("Mul", ["r", "gate"], "m");
        net.Conv("m", "y", 4, 8);
        return net.Model;
    }

    private static Model InnerOutput()
    {
        var net = new Net([new("x", ElementType.Float, [null, 8, 8, 8])], ["c", "y"]);
        net.Conv("x", "c", 8, 8);
        net.Op("Relu", ["c"], "r");
        net.Conv("r", "y", 4, 8);
        return net.Model;
    }

    private static Model SplitInTwo()
    {
        var net = new Net([null, 8, 8, 8]);
        net.Conv("x", "c", 8, 8);
        net.Op("Split", ["c"], ["left", "right"], n => n.With("axis", 1));
        net.Conv("left", "l", 4, 4);
        net.Conv("right", "r", 4, 4);
        net.Op("Concat", ["l", "r"], "y", n => n.With("axis", 1));
        return net.Model;
    }

    private static Model LstmInsideIf()
    {
        var net = new Net([new("x", ElementType.Float, [5, 1, 12]), new("fast", ElementType.Bool, [])], ["y"]);
        net.Op("MatMul", ["x", net.Constant("w", 0.3f, 12, 12)], "p");
        net.Op("If", ["fast"], "t", n => n.With("then_branch", Branch("then", 1)).With("else_branch", Branch("else", 2)));
        net.Op("MatMul", ["t", net.Constant("w2", 0.3f, 8, 6)], "y");
        return net.Model;
    }

    private static Model Branch(string name, int seed)
    {
        var net = new Net([], [$"{name}_y"], seed: seed);
        net.Op("LSTM", ["p", net.Constant($"{name}_w", 0.3f, 1, 32, 12), net.Constant($"{name}_r", 0.3f, 1, 32, 8)], [$"{name}_all"], n => n.With("hidden_size", 8));
        net.Op("Squeeze", [$"{name}_all", net.Integers($"{name}_axis", 1)], $"{name}_y");
        return net.Model;
    }

    private static Model Lstm()
    {
        var net = new Net([5, 1, 12]);
        net.Op("MatMul", ["x", net.Constant("w", 0.3f, 12, 12)], "p");
        net.Op("LSTM", ["p", net.Constant("lw", 0.3f, 1, 32, 12), net.Constant("lr", 0.3f, 1, 32, 8), net.Constant("lb", 0.1f, 1, 64)], ["all"], n => n.With("hidden_size", 8));
        net.Op("Squeeze", ["all", net.Integers("axis", 1)], "t");
        net.Op("MatMul", ["t", net.Constant("w2", 0.3f, 8, 6)], "y");
        return net.Model;
    }

    private static Model ResizePad()
    {
        var net = new Net([null, 8, 6, 6]);
        net.Conv("x", "c", 8, 8);
        net.Op("Resize", ["c", "", net.Constant("scales", Tensor.Of([1f, 1, 2, 2], 4))], "u", n => n.With("mode", "nearest").With("coordinate_transformation_mode", "asymmetric").With("nearest_mode", "floor"));
        net.Op("Pad", ["u", net.Integers("pads", 0, 0, 1, 1, 0, 0, 1, 1)], "p", n => n.With("mode", "reflect"));
        net.Conv("p", "y", 4, 8);
        return net.Model;
    }
}
