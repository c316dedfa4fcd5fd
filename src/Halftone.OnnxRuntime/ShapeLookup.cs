using Halftone.Onnx;

namespace Halftone.OnnxRuntime;

/// <summary>Lengths of values, and from them the multiplications of a node.</summary>
/// <param name="graph">The graph; its constants have known lengths.</param>
/// <param name="inferred">What shape inference says, by name.</param>
/// <param name="observed">What a run showed, by name; it goes first.</param>
internal sealed class ShapeLookup(Graph graph, IReadOnlyDictionary<string, ValueInfo> inferred, IReadOnlyDictionary<string, long[]>? observed)
{
    /// <summary>Lengths, or null where one other than the batch is unknown.</summary>
    public long[]? Of(string name)
    {
        if (observed?.GetValueOrDefault(name) is { } seen)
        {
            return seen;
        }

        if (graph.Constant(name) is { } constant)
        {
            return [.. constant.Dims];
        }

        return inferred.GetValueOrDefault(name)?.Dims is { } dims && dims.Skip(1).All(d => d is not null)
            ? [.. dims.Select(d => d ?? 1)]
            : null;
    }

    /// <summary>
    /// Conv: outputs times the weights of one output channel. ConvTranspose: inputs times the weights of one input channel. Products: outputs times the length summed over.
    /// </summary>
    public long MultiplyAdds(Node node) => node.Op switch
    {
        "Conv" or "ConvInteger" => Product(node.Outputs[0], PerFirst(node.Input(1))),
        "QLinearConv" => Product(node.Outputs[0], PerFirst(node.Input(3))),
        "ConvTranspose" => Product(node.Input(0), PerFirst(node.Input(1))),
        "MatMul" or "MatMulInteger" or "MatMulIntegerToFloat" or "DynamicQuantizeMatMul" => Product(node.Outputs[0], Summed(node.Input(0), node.Input(1), 0, 0)),
        "QLinearMatMul" => Product(node.Outputs[0], Summed(node.Input(0), node.Input(3), 0, 0)),
        "Gemm" => Product(node.Outputs[0], Summed(node.Input(0), node.Input(1), node.Int("transA", 0), node.Int("transB", 0))),
        "QGemm" => Product(node.Outputs[0], Summed(node.Input(0), node.Input(3), node.Int("transA", 0), node.Int("transB", 0))),
        "MatMulNBits" => Product(node.Outputs[0], node.Int("K", 0)),
        _ => 0,
    };

    private long Product(string name, long each) => Of(name) is { } dims ? Count(dims) * each : 0;

    private long PerFirst(string weight) => Of(weight) is { Length: > 1 } dims && dims[0] > 0 ? Count(dims) / dims[0] : 0;

    private long Summed(string a, string b, long transA, long transB) =>
        Of(b) is { Length: > 0 } right ? right[right.Length == 1 || transB != 0 ? ^1 : ^2]
        : Of(a) is { Length: > 0 } left ? left[left.Length == 1 || transA == 0 ? ^1 : ^2]
        : 0;

    private static long Count(long[] dims) => dims.Aggregate(1L, (a, b) => a * b);
}
