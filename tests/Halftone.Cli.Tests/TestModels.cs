using Halftone.Onnx;

namespace Halftone.Cli.Tests;

/// <summary>Small models, written as files through protobuf's own wire rules, so that no committed binary is needed.</summary>
internal static class TestModels
{
    /// <summary>x [1,3,8,8] -> Conv 4 filters 3x3 without padding -> Relu, with a uint8 x int8 twin beside it.</summary>
    public static Model Convolution()
    {
        Model model = Model.Parse(Identity());
        Graph graph = model.Graph;
        graph.RemoveAll(_ => true);
        graph.SetConstant("w", Tensor.Of(new float[4 * 3 * 3 * 3], 4, 3, 3, 3));
        graph.SetConstant("wq", Tensor.Of(new sbyte[4 * 3 * 3 * 3], 4, 3, 3, 3));
        graph.SetConstant("s", Tensor.Scalar(0.1f));
        graph.SetConstant("zu", Tensor.Scalar((byte)128));
        graph.SetConstant("zs", Tensor.Scalar((sbyte)0));
        graph.Add(new Node("conv", "Conv", ["x", "w"], ["c"]));
        graph.Add(new Node("quantize", "QuantizeLinear", ["x", "s", "zu"], ["xq"]));
        graph.Add(new Node("dequantize", "DequantizeLinear", ["xq", "s", "zu"], ["xd"]));
        graph.Add(new Node("weights", "DequantizeLinear", ["wq", "s", "zs"], ["wd"]));
        graph.Add(new Node("conv8", "Conv", ["xd", "wd"], ["c8"]));
        graph.Add(new Node("add", "Add", ["c", "c8"], ["y"]));
        return model;
    }

    /// <summary>A file of the convolution model.</summary>
    public static string File(TemporaryFolder folder)
    {
        string path = folder.File("model.onnx");
        Convolution().Save(path);
        return path;
    }

    // ModelProto: ir_version 8, opset 17, a graph x -> Identity -> y with float [1,3,8,8] in
    private static byte[] Identity()
    {
        byte[] graph =
        [
            .. Field(1, [.. Field(1, "x"u8), .. Field(2, "y"u8), .. Field(3, "identity"u8), .. Field(4, "Identity"u8)]),
            .. Field(2, "graph"u8),
            .. Field(11, Value("x"u8, 1, 3, 8, 8)),
            .. Field(12, Value("y"u8, 1, 4, 6, 6)),
        ];
        return [0x08, 8, .. Field(7, graph), .. Field(8, [0x10, 17])];
    }

    private static byte[] Value(ReadOnlySpan<byte> name, params byte[] dims)
    {
        byte[] shape = [.. dims.SelectMany(d => Field(1, [0x08, d]))];
        return [.. Field(1, name), .. Field(2, Field(1, [0x08, 1, .. Field(2, shape)]))];
    }

    private static byte[] Field(int number, ReadOnlySpan<byte> payload)
    {
        Assert.True(payload.Length < 16384);
        byte[] length = payload.Length < 128 ? [(byte)payload.Length] : [(byte)(payload.Length | 128), (byte)(payload.Length >> 7)];
        return [(byte)((number << 3) | 2), .. length, .. payload];
    }
}
