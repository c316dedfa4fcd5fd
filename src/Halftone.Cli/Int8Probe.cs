using Halftone.Onnx;

namespace Halftone.Cli;

/// <summary>A convolution in float and in 8 bits, to see what 8 bits gain on a machine.</summary>
internal static class Int8Probe
{
    private const int Channels = 64;
    private const int Side = 28;

    /// <summary>x [1,64,28,28] through 64 filters 3x3; the 8-bit form between QuantizeLinear and DequantizeLinear, uint8 by int8.</summary>
    public static (Model Plain, Model Quantized, IReadOnlyDictionary<string, Tensor> Inputs) Convolution()
    {
        var inputs = new Dictionary<string, Tensor> { ["x"] = Tensor.Of([.. Enumerable.Range(0, Channels * Side * Side).Select(i => i % 256 / 255f)], 1, Channels, Side, Side) };
        sbyte[] codes = [.. Enumerable.Range(0, Channels * Channels * 9).Select(i => (sbyte)((i * 37 % 127) - 63))];
        Model plain = Start();
        plain.Graph.SetConstant("w", Tensor.Of([.. codes.Select(c => c / 127f)], Channels, Channels, 3, 3));
        plain.Graph.Add(Convolve("x", "w", "y"));

        Model quantized = Start();
        Graph graph = quantized.Graph;
        graph.SetConstant("codes", Tensor.Of(codes, Channels, Channels, 3, 3));
        graph.SetConstant("sx", Tensor.Scalar(1 / 255f));
        graph.SetConstant("sw", Tensor.Scalar(1 / 127f));
        graph.SetConstant("sy", Tensor.Scalar(1f));
        graph.SetConstant("zx", Tensor.Scalar((byte)0));
        graph.SetConstant("zw", Tensor.Scalar((sbyte)0));
        graph.SetConstant("zy", Tensor.Scalar((byte)128));
        graph.Add(new Node("quantize-x", "QuantizeLinear", ["x", "sx", "zx"], ["qx"]));
        graph.Add(new Node("dequantize-x", "DequantizeLinear", ["qx", "sx", "zx"], ["dx"]));
        graph.Add(new Node("dequantize-w", "DequantizeLinear", ["codes", "sw", "zw"], ["dw"]));
        graph.Add(Convolve("dx", "dw", "c"));
        graph.Add(new Node("quantize-y", "QuantizeLinear", ["c", "sy", "zy"], ["qy"]));
        graph.Add(new Node("dequantize-y", "DequantizeLinear", ["qy", "sy", "zy"], ["y"]));
        return (plain, quantized, inputs);
    }

    private static Model Start() => Model.Create(13, [new ValueInfo("x", ElementType.Float, [1, Channels, Side, Side])], [new ValueInfo("y", ElementType.Float, [1, Channels, Side, Side])]);

    private static Node Convolve(string x, string w, string y)
    {
        Node node = new("conv", "Conv", [x, w], [y]);
        node.With("pads", [1L, 1L, 1L, 1L]);
        return node;
    }
}
