using Halftone.Onnx;

namespace Halftone.Cli.Inspection;

/// <summary>The types that quantized nodes compute with: read off the DequantizeLinear before an input, or off the operator itself.</summary>
internal static class Precision
{
    /// <summary>Per quantized node a text such as "uint8 x int8"; nodes in float are left out.</summary>
    public static IReadOnlyDictionary<Node, string> OfNodes(Graph graph)
    {
        Dictionary<Node, string> found = [];
        foreach (Node node in graph.Nodes)
        {
            if (node.Op is "QuantizeLinear" or "DequantizeLinear" or "DynamicQuantizeLinear")
            {
                continue;
            }

            if (OfOperator(graph, node) is { } named)
            {
                found[node] = named;
            }
            else
            {
                string?[] types = [.. node.Inputs.Take(2).Select(i => DequantizedFrom(graph, i))];
                if (types.Any(t => t is not null))
                {
                    found[node] = string.Join(" x ", types.Select(t => t ?? "float"));
                }
            }
        }

        return found;
    }

    private static string? OfOperator(Graph graph, Node node) => node.Op switch
    {
        "QLinearConv" or "QLinearMatMul" or "QGemm" => $"{Type(graph, node.Input(0))} x {Type(graph, node.Input(3))}",
        "ConvInteger" or "MatMulInteger" or "DynamicQuantizeMatMul" => $"{Type(graph, node.Input(0))} x {Type(graph, node.Input(1))}",
        "MatMulNBits" => $"float x {node.Int("bits", 4)} bits in blocks of {node.Int("block_size", 32)}",
        "GatherBlockQuantized" => $"{Type(graph, node.Input(0))} in blocks",
        _ when node.Op.StartsWith("QLinear", StringComparison.Ordinal) => Type(graph, node.Input(0)),
        _ => null,
    };

    private static string? DequantizedFrom(Graph graph, string name)
    {
        Node? made = graph.Producer(name);
        while (made is not null && (made.Is("Transpose") || made.Is("Reshape") || made.Is("Identity")))
        {
            made = graph.Producer(made.Input(0));
        }

        return made?.Op == "DequantizeLinear" ? Type(graph, made.Input(0)) : null;
    }

    private static string Type(Graph graph, string name)
    {
        if (graph.Constant(name) is { } constant)
        {
            return constant.Type.OnnxName();
        }

        return graph.Producer(name) switch
        {
            // the zero point says the type; without one it is uint8
            { Op: "QuantizeLinear" } quantize => quantize.Input(2).Length > 0 ? Type(graph, quantize.Input(2)) : "uint8",
            { Op: "DynamicQuantizeLinear" } => "uint8",
            { } made when made.Is("Constant") && made.TensorAttribute("value") is { } value => value.Type.OnnxName(),
            // an integer operator's output has the type of its input
            { } made when made.Op.StartsWith("QLinear", StringComparison.Ordinal) || made.Is("MaxPool") || made.Is("Reshape") || made.Is("Transpose")
                => Type(graph, made.Input(0)),
            _ => graph.Declared(name)?.Type.OnnxName() ?? "unknown",
        };
    }
}
