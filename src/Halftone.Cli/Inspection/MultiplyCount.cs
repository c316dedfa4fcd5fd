using Halftone.Onnx;

namespace Halftone.Cli.Inspection;

/// <summary>Multiply-accumulate operations of one run of a node.</summary>
internal static class MultiplyCount
{
    /// <summary>The count; 0 for operators that accumulate nothing and where a shape is missing.</summary>
    /// <param name="node">The node.</param>
    /// <param name="graph">Its graph.</param>
    /// <param name="shapes">Lengths of values, from a run; those of constants are known.</param>
    public static long Of(Node node, Graph graph, IReadOnlyDictionary<string, long[]> shapes)
    {
        long[]? Shape(string name) => shapes.TryGetValue(name, out long[]? dims) ? dims : graph.Constant(name) is { } constant ? [.. constant.Dims] : null;
        int weightPlace = node.Op is "QLinearConv" or "QLinearMatMul" ? 3 : 1;
        if (node.Outputs.Count == 0 || Shape(node.Input(0)) is not { } input || Shape(node.Input(weightPlace)) is not { } weight || Shape(node.Outputs[0]) is not { } output)
        {
            return 0;
        }

        return node.Op switch
        {
            // each output element sums over one filter; each input element is spread over one
            "Conv" or "QLinearConv" or "ConvInteger" => Product(output) * Product(weight.AsSpan(1)),
            "ConvTranspose" => Product(input) * Product(weight.AsSpan(1)),
            "MatMul" or "QLinearMatMul" or "MatMulInteger" when input.Length > 0 => Product(output) * input[^1],
            "Gemm" when weight.Length == 2 => Product(output) * weight[node.Int("transB", 0) == 0 ? 0 : 1],
            _ => 0,
        };
    }

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
