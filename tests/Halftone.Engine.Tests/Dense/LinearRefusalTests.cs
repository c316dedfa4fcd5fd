using Halftone.Onnx;

namespace Halftone.Engine.Tests.Dense;

/// <summary>Nodes that make no sense, or that the operators do not compute, are refused when they are made ready, by name.</summary>
public sealed class LinearRefusalTests
{
    private static readonly Tensor s_image = RandomTensors.Floats(1, 1, 4, 5, 5);

    private static readonly Dictionary<string, (Node Node, Tensor[] Inputs)> s_nodes = new()
    {
        ["groups that do not divide"] = (Node("Conv", 2).With("group", 3), [s_image, RandomTensors.Floats(2, 3, 1, 3, 3)]),
        ["weight of other channels"] = (Node("Conv", 2), [s_image, RandomTensors.Floats(2, 3, 3, 3, 3)]),
        ["window larger than the image"] = (Node("Conv", 2), [s_image, RandomTensors.Floats(2, 3, 4, 6, 6)]),
        ["negative pads"] = (Node("Conv", 2).With("pads", [-1L, 0, 0, 0]), [s_image, RandomTensors.Floats(2, 3, 4, 3, 3)]),
        ["stride 0"] = (Node("Conv", 2).With("strides", [0L, 1]), [s_image, RandomTensors.Floats(2, 3, 4, 3, 3)]),
        ["too few strides"] = (Node("Conv", 2).With("strides", [1L]), [s_image, RandomTensors.Floats(2, 3, 4, 3, 3)]),
        ["bias too short"] = (Node("Conv", 3), [s_image, RandomTensors.Floats(2, 3, 4, 3, 3), RandomTensors.Floats(3, 2)]),
        ["four axes"] = (Node("Conv", 2), [RandomTensors.Floats(1, 1, 1, 3, 3, 3, 3), RandomTensors.Floats(1, 1, 1, 1, 1, 1, 1)]),
        ["transposed output of no length"] = (Node("ConvTranspose", 2).With("pads", [4L, 4, 4, 4]), [s_image, RandomTensors.Floats(2, 4, 2, 3, 3)]),
        ["inner lengths"] = (Node("MatMul", 2), [RandomTensors.Floats(1, 2, 3), RandomTensors.Floats(2, 4, 2)]),
        ["batches"] = (Node("MatMul", 2), [RandomTensors.Floats(1, 2, 2, 3), RandomTensors.Floats(2, 3, 3, 2)]),
        ["addend"] = (Node("Gemm", 3), [RandomTensors.Floats(1, 2, 3), RandomTensors.Floats(2, 3, 2), RandomTensors.Floats(3, 3)]),
        ["pads as long as the window"] = (Node("MaxPool", 1).With("kernel_shape", [2L, 2]).With("pads", [2L, 2, 2, 2]), [s_image]),
        ["no kernel_shape"] = (Node("AveragePool", 1), [s_image]),
        ["antialias"] = (Node("Resize", 3).With("antialias", 1), [s_image, RandomTensors.Floats(1, 0), Tensor.Of([1f, 1, 2, 2], 4)]),
        ["scales of other axes"] = (Node("Resize", 3), [s_image, RandomTensors.Floats(1, 0), Tensor.Of([1f, 2, 2], 3)]),
        ["scale of nothing"] = (Node("Resize", 3), [s_image, RandomTensors.Floats(1, 0), Tensor.Of([1f, 1, 0.1f, 1], 4)]),
        ["endless scale"] = (Node("Resize", 3), [s_image, RandomTensors.Floats(1, 0), Tensor.Of([1f, 1, float.PositiveInfinity, 1], 4)]),
        ["axis"] = (Node("Softmax", 1).With("axis", 4), [s_image]),
        ["scale of a layer"] = (Node("LayerNormalization", 2), [s_image, RandomTensors.Floats(1, 4)]),
        ["groups of channels"] = (Node("GroupNormalization", 3).With("num_groups", 3), [s_image, RandomTensors.Floats(1, 4), RandomTensors.Floats(1, 4)]),
        ["codes of floats"] = (Node("Conv", 2), [RandomTensors.Codes(1, false, 1, 4, 5, 5), RandomTensors.Floats(2, 3, 4, 3, 3)]),
        ["scales of an axis"] = (Node("QuantizeLinear", 2), [s_image, RandomTensors.Scales(1, 3)]),
        ["weight zero points"] = (Node("ConvInteger", 4), [RandomTensors.Codes(1, false, 1, 4, 5, 5), RandomTensors.Codes(1, false, 3, 4, 3, 3), RandomTensors.Codes(1, false), RandomTensors.Codes(1, false, 2)]),
    };

    public static TheoryData<string> Cases => [.. s_nodes.Keys];

    [Theory]
    [MemberData(nameof(Cases))]
    public void Refused(string what)
    {
        (Node node, Tensor[] inputs) = s_nodes[what];
        ModelException error = Assert.Throws<ModelException>(() => PlanRun.Ready(node, 21, inputs, _ => true));
        Assert.Contains($"'{node.Name}' ({node.Op})", error.Message, StringComparison.Ordinal);
    }

    private static Node Node(string op, int inputs) => new("the node", op, Enumerable.Range(0, inputs).Select(i => $"x{i}"), ["y"]);
}
