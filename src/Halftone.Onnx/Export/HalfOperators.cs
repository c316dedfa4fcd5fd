namespace Halftone.Onnx.Export;

/// <summary>The operators that compute in halves: defined for float16 in ONNX, and run by ONNX Runtime, which adds casts of its own where a machine has no half kernel.</summary>
internal static class HalfOperators
{
    /// <summary>Operators whose every input and output has the one type.</summary>
    private static readonly HashSet<string> s_throughout =
    [
        "Conv", "ConvTranspose", "MatMul", "Gemm",
        "Add", "Sub", "Mul", "Div", "Sum", "Pow",
        "Neg", "Abs", "Sqrt", "Reciprocal", "Exp", "Log", "Erf", "Floor", "Ceil",
        "Relu", "LeakyRelu", "PRelu", "Elu", "Selu", "Sigmoid", "Tanh", "HardSigmoid", "HardSwish",
        "Softplus", "Softsign", "Gelu", "Clip", "Softmax", "LogSoftmax",
        "AveragePool", "MaxPool", "GlobalAveragePool", "GlobalMaxPool",
        "BatchNormalization", "InstanceNormalization", "LayerNormalization",
        "Flatten", "Transpose", "Concat", "Identity", "DepthToSpace", "SpaceToDepth",
    ];

    /// <summary>Operators with inputs of other types as well: the places that have the type of the output.</summary>
    private static readonly Dictionary<string, int[]> s_places = new()
    {
        ["ReduceMean"] = [0],
        ["ReduceSum"] = [0],
        ["ReduceMax"] = [0],
        ["ReduceMin"] = [0],
        ["Reshape"] = [0],
        ["Squeeze"] = [0],
        ["Unsqueeze"] = [0],
        ["Split"] = [0],
        ["Slice"] = [0],
        ["Gather"] = [0],
        ["Expand"] = [0],
        ["Tile"] = [0],
        ["Pad"] = [0, 2],
        ["Where"] = [1, 2],
    };

    /// <summary>Their names.</summary>
    public static IReadOnlyCollection<string> All => [.. s_throughout, .. s_places.Keys];

    /// <summary>The places of a node's inputs that become half, or null where the operator stays float.</summary>
    public static int[]? Places(Node node)
    {
        // indices beside values, or statistics of training, are another type
        IEnumerable<int>? places = s_throughout.Contains(node.Op) ? Enumerable.Range(0, node.Inputs.Count) : s_places.GetValueOrDefault(node.Op);
        return places is null || node.Domain.Length > 0 || (node.Op != "Split" && node.Outputs.Count > 1) ? null
            : [.. places.Where(i => node.Input(i).Length > 0)];
    }

    /// <summary>Constants worth storing as halves where arithmetic stays float: weights, not bounds or statistics.</summary>
    public static IEnumerable<string> Weights(Graph graph, Node node)
    {
        IEnumerable<int> places = node.Op is "LSTM" or "GRU" or "RNN" ? [1, 2, 3] : node.Op is "BatchNormalization" ? [] : Places(node) ?? [];
        return places.Select(node.Input).Where(name => graph.Constant(name) is { Type: ElementType.Float, Count: > 1 });
    }
}
