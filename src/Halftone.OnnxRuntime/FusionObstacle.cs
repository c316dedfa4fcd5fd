using System.Runtime.InteropServices;
using Halftone.Onnx;

namespace Halftone.OnnxRuntime;

/// <summary>Says why ONNX Runtime left a node of a QDQ model in float: the first of its fusion rules (CPU) that the node breaks.</summary>
internal static class FusionObstacle
{
    /// <summary>A few words, the same for the same cause.</summary>
    /// <param name="graph">The quantized graph.</param>
    /// <param name="node">A node of it.</param>
    /// <param name="kernel">What computes it in the optimized graph.</param>
    public static string Of(Graph graph, Node node, Node kernel)
    {
        if (node.Op is "MatMul" or "Add" && kernel.Op == "Gemm")
        {
            return "MatMul and Add become a Gemm whose bias is not int32";
        }

        if (node.Op is not ("Conv" or "Gemm" or "MatMul" or "Add" or "Mul" or "Concat" or "MaxPool" or "AveragePool" or "GlobalAveragePool"))
        {
            return $"{node.Op} has no integer kernel";
        }

        return Width(graph, node) ?? Inputs(graph, node) ?? Outputs(graph, node) ?? Types(graph, node) ?? "kept in float by ONNX Runtime for a reason not known here";
    }

    // first, for what follows from it, such as a float bias, is no cause
    private static string? Width(Graph graph, Node node)
    {
        IEnumerable<Node?> ends = node.Inputs.Select(i => i.Length == 0 ? null : graph.Producer(i)).Where(s => s is { Op: "DequantizeLinear" }).Append(Quantizer(graph, node));
        int odd = ends.OfType<Node>().Select(n => Codes(graph, n).Bits()).FirstOrDefault(bits => bits is 16 or 4 or 2);
        return odd == 0 ? null : $"{odd}-bit codes";
    }

    private static string? Inputs(Graph graph, Node node)
    {
        Node?[] sources = [.. node.Inputs.Select(i => i.Length == 0 ? null : graph.Producer(i))];
        bool weighted = node.Op is "Conv" or "Gemm" or "MatMul";
        int factors = weighted ? 2 : sources.Length;
        bool[] quantized = [.. sources.Take(factors).Select(s => s is { Op: "DequantizeLinear" })];
        if (!quantized.Contains(true))
        {
            return "nothing is quantized";
        }

        if (weighted && !quantized[1])
        {
            return graph.Constant(node.Input(1)) is null ? "weight computed at run time, not quantized" : "weight not quantized";
        }

        if (quantized.Contains(false))
        {
            return "input not quantized";
        }

        foreach (Node dequantize in sources.OfType<Node>().Where(s => s.Is("DequantizeLinear")))
        {
            if (graph.Constant(dequantize.Input(1)) is null || (dequantize.Input(2).Length > 0 && graph.Constant(dequantize.Input(2)) is null))
            {
                return "scale or zero point computed at run time";
            }

            if (graph.IsOutput(dequantize.Outputs[0]))
            {
                return "input is a graph output";
            }
        }

        return weighted && node.Input(2).Length > 0 ? Bias(graph, node, sources[2]) : null;
    }

    private static string? Bias(Graph graph, Node node, Node? source) =>
        source is not { Op: "DequantizeLinear" } || Codes(graph, source) != ElementType.Int32 ? "bias not int32"
        : node.Is("Gemm") && node.Float("beta", 1) != 1 ? "Gemm with beta other than 1"
        : null;

    private static string? Outputs(Graph graph, Node node)
    {
        string output = node.Outputs[0];
        if (graph.IsOutput(output))
        {
            return "output is a graph output";
        }

        bool optional = node.Op is "Gemm" or "MatMul";
        IReadOnlyList<Node> readers = graph.Consumers(output);
        if (readers is [{ Op: "Relu" or "Clip" } clip] && graph.Consumers(clip.Outputs[0]) is [{ Op: "QuantizeLinear" }] && !graph.IsOutput(clip.Outputs[0]))
        {
            return node.Is("MaxPool") ? $"{clip.Op} before the quantizer" : null;
        }

        if (!readers.Any(r => r.Is("QuantizeLinear")))
        {
            return optional ? null : "output not quantized";
        }

        return readers.Count > 1 ? "output has readers besides its quantizer" : null;
    }

    private static string? Types(Graph graph, Node node)
    {
        Node[] sources = [.. node.Inputs.Where(i => i.Length > 0).Select(graph.Producer).OfType<Node>().Where(s => s.Is("DequantizeLinear"))];
        ElementType[] inputs = [.. sources.Select(s => Codes(graph, s))];
        Node? quantize = Quantizer(graph, node);
        ElementType? output = quantize is null ? null : Codes(graph, quantize);
        if (output is not null && output != inputs[0])
        {
            return "input and output codes differ in type";
        }

        bool weighted = node.Op is "Conv" or "Gemm" or "MatMul";
        if (weighted && inputs[0] == ElementType.Int8 && inputs[1] != ElementType.Int8)
        {
            return "int8 activations with uint8 weights";
        }

        if (!weighted && inputs.Any(t => t != inputs[0]))
        {
            return "inputs differ in type";
        }

        if (inputs[0] == ElementType.Int8 && RuntimeInformation.ProcessArchitecture == Architecture.X64)
        {
            return "int8 activations, uint8 would fuse on x64";
        }

        if (node.Is("MaxPool") && quantize is not null && !SameParameters(graph, sources[0], quantize))
        {
            return "input and output have other scales";
        }

        if (graph.Consumers(node.Outputs[0]) is [{ Op: "Relu" or "Clip" } clip])
        {
            return $"{clip.Op} that the quantizer after it does not absorb";
        }

        return sources.Any(s => graph.Consumers(s.Outputs[0]).Count > 1) ? "shared DequantizeLinear" : null;
    }

    private static Node? Quantizer(Graph graph, Node node)
    {
        IReadOnlyList<Node> readers = graph.Consumers(node.Outputs[0]);
        if (readers is [{ Op: "Relu" or "Clip" } clip])
        {
            readers = graph.Consumers(clip.Outputs[0]);
        }

        return readers.FirstOrDefault(r => r.Is("QuantizeLinear"));
    }

    /// <summary>Element type of the codes that a QuantizeLinear makes or a DequantizeLinear reads: uint8 where nothing says otherwise.</summary>
    private static ElementType Codes(Graph graph, Node node)
    {
        if (graph.Constant(node.Input(2)) is { } zero)
        {
            return zero.Type;
        }

        if (node.Is("DequantizeLinear"))
        {
            return graph.Constant(node.Input(0))?.Type
                ?? (graph.Producer(node.Input(0)) is { Op: "QuantizeLinear" } quantize ? Codes(graph, quantize) : ElementType.Undefined);
        }

        return (ElementType)node.Int("output_dtype", (long)ElementType.UInt8);
    }

    private static bool SameParameters(Graph graph, Node a, Node b) =>
        Enumerable.Range(1, 2).All(i => a.Input(i) == b.Input(i)
            || (graph.Constant(a.Input(i)) is { } x && graph.Constant(b.Input(i)) is { } y && x.Bytes.SequenceEqual(y.Bytes)));
}
