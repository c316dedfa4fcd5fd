using Halftone.Onnx;

namespace Halftone.PostTraining.Tests.Odd;

/// <summary>Convolutions of every kind.</summary>
internal static class OddConvolutions
{
    public static IReadOnlyList<OddLayer> All { get; } =
    [
        new("conv", () => Of(n => n.Conv("x", "y", 16, 8))),
        new("conv grouped", () => Of(n => n.Conv("x", "y", 16, 8, group: 4))),
        new("conv depthwise", () => Of(n => n.Conv("x", "y", 8, 8, group: 8))),
        new("conv depthwise multiplier", () => Of(n => n.Conv("x", "y", 16, 8, group: 8))),
        new("conv asymmetric pads", () => Of(n => n.Conv("x", "y", 8, 8, with: c => c.With("pads", [0L, 1, 2, 0]).With("strides", [2L, 1])))),
        new("conv same upper strided", () => Of(n => n.Op("Conv", ["x", n.Constant("w", 0.1f, 8, 8, 3, 3)], "y", c => c.With("auto_pad", "SAME_UPPER").With("strides", [2L, 2])))),
        new("conv without bias", () => Of(n => n.Op("Conv", ["x", n.Constant("w", 0.1f, 8, 8, 1, 1)], "y"))),
        new("conv of one dimension", () => Of(n => n.Op("Conv", ["x", n.Constant("w", 0.2f, 6, 4, 5), n.Constant("b", 0.1f, 6)], "y", c => c.With("pads", [2L, 2])), null, 4, 32)),
        new("conv of three dimensions", () => Of(n => n.Op("Conv", ["x", n.Constant("w", 0.1f, 6, 4, 3, 3, 3), n.Constant("b", 0.1f, 6)], "y"), null, 4, 6, 6, 6)),
        new("conv with dynamic weight", DynamicWeight),
        new("conv with computed bias", ComputedBias),
        new("conv shared weight", SharedWeight),
        new("conv dead channels", DeadChannels),
        new("conv transpose", () => Of(n => n.Op("ConvTranspose", ["x", n.Constant("w", 0.1f, 8, 6, 3, 3), n.Constant("b", 0.1f, 6)], "y", c => c.With("strides", [2L, 2])))),
        new("conv transpose grouped", () => Of(n => n.Op("ConvTranspose", ["x", n.Constant("w", 0.2f, 8, 3, 2, 2), n.Constant("b", 0.1f, 6)], "y", c => c.With("group", 2).With("strides", [2L, 2])))),
        new("conv relu6", () => Of(n => n.Op("Clip", [n.Conv("x", "c", 8, 8), n.Scalar("low", 0), n.Scalar("high", 6)], "y"))),
        new("conv leaky", () => Of(n => n.Op("LeakyRelu", [n.Conv("x", "c", 8, 8)], "y", l => l.With("alpha", 0.1f)))),
        new("conv relu read twice", ReluReadTwice),
        new("batch norm not after conv", () => Of(n => n.Conv(Normalized(n, n.Op("MaxPool", ["x"], "p", p => p.With("kernel_shape", [2L, 2])), "bn"), "y", 8, 8))),
        new("batch norm after read conv", BatchNormOfReadConv),
    ];

    private static Model Of(Action<Net> add, params long?[] dims)
    {
        var net = new Net(dims.Length == 0 ? [null, 8, 8, 8] : dims);
        add(net);
        return net.Model;
    }

    private static string Normalized(Net n, string x, string output)
    {
        string[] inputs = [x, n.Constant($"{output}_scale", 1, 8), n.Constant($"{output}_shift", 0.3f, 8), n.Constant($"{output}_mean", 0.2f, 8), n.Constant($"{output}_variance", Tensor.Of([0.5f, 1, 2, 3, 1, 1, 0.1f, 4], 8))];
        return n.Op("BatchNormalization", inputs, output);
    }

    private static Model DynamicWeight()
    {
        var net = new Net([new("x", ElementType.Float, [null, 8, 8, 8]), new("w", ElementType.Float, [4, 8, 3, 3])], ["y"]);
        net.Op("Conv", ["x", "w"], "d");
        net.Conv("d", "y", 8, 4);
        return net.Model;
    }

    private static Model ComputedBias()
    {
        var net = new Net([new("x", ElementType.Float, [null, 8, 8, 8]), new("b", ElementType.Float, [4])], ["y"]);
        net.Op("Conv", ["x", net.Constant("w", 0.1f, 4, 8, 3, 3), net.Op("Tanh", ["b"], "t")], "y");
        return net.Model;
    }

    private static Model SharedWeight()
    {
        var net = new Net([null, 8, 8, 8]);
        net.Constant("w", 0.1f, 8, 8, 3, 3);
        net.Constant("b", 0.1f, 8);
        net.Op("Conv", ["x", "w", "b"], "c1", n => n.With("pads", [1L, 1, 1, 1]));
        net.Op("Relu", ["c1"], "r");
        net.Op("Conv", ["r", "w", "b"], "y", n => n.With("pads", [1L, 1, 1, 1]));
        return net.Model;
    }

    private static Model DeadChannels()
    {
        var net = new Net([null, 8, 8, 8]);
        net.Conv("x", "y", 8, 8);
        float[] weight = net.Graph.Constant("w_y")!.ToFloats();
        weight.AsSpan(0, 72).Clear();
        weight.AsSpan(5 * 72, 72).Clear();
        net.Constant("w_y", Tensor.Of(weight, 8, 8, 3, 3));
        return net.Model;
    }

    private static Model ReluReadTwice()
    {
        var net = new Net([null, 8, 8, 8]);
        net.Conv("x", "c", 8, 8);
        net.Op("Relu", ["c"], "r");
        net.Conv("r", "d", 8, 8);
        net.Op("Add", ["d", "c"], "y");
        return net.Model;
    }

    private static Model BatchNormOfReadConv()
    {
        var net = new Net([null, 8, 8, 8]);
        net.Conv("x", "c", 8, 8);
        Normalized(net, "c", "bn");
        net.Op("Add", ["bn", "c"], "y");
        return net.Model;
    }
}
