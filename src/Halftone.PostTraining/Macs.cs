using Halftone.Onnx;
using Halftone.PostTraining.Calibration;

namespace Halftone.PostTraining;

/// <summary>Multiply-accumulates of a node for the sample that was observed.</summary>
public static class Macs
{
    /// <summary>The number; 0 for nodes without products, or whose lengths were not seen.</summary>
    public static long Of(Graph graph, Node node, IReadOnlyDictionary<string, ObservedValue> values)
    {
        if (node.Domain.Length > 0 || node.Outputs.Count == 0 || !values.TryGetValue(node.Outputs[0], out ObservedValue? output) || DimsOf(graph, node.Input(1), values) is not { Length: >= 1 } weight)
        {
            return 0;
        }

        long outputs = Product(output.Dims.AsSpan());
        return node.Op switch
        {
            "Conv" => outputs * Product(weight.AsSpan(1)),
            "ConvTranspose" when values.TryGetValue(node.Input(0), out ObservedValue? input) => Product(input.Dims.AsSpan()) * Product(weight.AsSpan(1)),
            "Gemm" => outputs * weight[node.Int("transB", 0) != 0 ? ^1 : 0],
            "MatMul" => outputs * weight[weight.Length > 1 ? ^2 : 0],
            _ => 0,
        };
    }

    private static long[]? DimsOf(Graph graph, string name, IReadOnlyDictionary<string, ObservedValue> values) =>
        graph.Constant(name) is { } constant ? [.. constant.Dims] : values.TryGetValue(name, out ObservedValue? v) ? [.. v.Dims] : null;

    private static long Product(ReadOnlySpan<long> lengths)
    {
        long product = 1;
        foreach (long length in lengths)
        {
            product *= length;
        }

        return product;
    }
}
