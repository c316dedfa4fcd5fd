using Halftone.Numerics;

namespace Halftone.Onnx.Export;

/// <summary>QDQ of less than 8 bits as QuantizeLinear, Clip, DequantizeLinear on 8-bit codes, which every opset from 13 on runs.</summary>
/// <remarks>Exact. A Clip of the values right before QuantizeLinear becomes a Clip of the codes where its bounds are the codes of a bit width.</remarks>
internal static class ToQcdq
{
    public static void Apply(Conversion work)
    {
        Graph graph = work.Graph;
        foreach (Node node in graph.Nodes.ToArray())
        {
            work.Cancel.ThrowIfCancellationRequested();
            if (Codes.IsQuantize(node))
            {
                Activation(work, node);
            }
            else if (Codes.IsDequantize(node) && graph.Constant(node.Input(0)) is { } codes && IsNarrow(codes.Type))
            {
                Weight(graph, node, codes);
            }
        }

        if (work.To is ModelFormat.Qcdq && !graph.Nodes.Any(n => Codes.IsClip(graph, n)))
        {
            work.Note("Every tensor has 8 bits or more, so QCDQ is the same as QDQ.");
        }
    }

    private static bool IsNarrow(ElementType type) => type is ElementType.Int4 or ElementType.UInt4 or ElementType.Int2 or ElementType.UInt2;

    private static void Weight(Graph graph, Node dequantize, Tensor codes)
    {
        IntegerGrid grid = Codes.Grid(codes.Type)!.Value;
        ElementType wide = grid.Signed ? ElementType.Int8 : ElementType.UInt8;
        string name = graph.AddConstant(dequantize.Input(0) + "_8bit", Widen(codes, wide));
        WidenZero(graph, dequantize, wide);
        Clip(graph, dequantize, name, wide, (grid.Min, grid.Max));
    }

    private static void Activation(Conversion work, Node quantize)
    {
        Graph graph = work.Graph;
        ElementType type = Codes.OutputType(graph, quantize);
        string codes = quantize.Outputs[0];
        Node[] readers = [.. graph.Consumers(codes)];
        bool paired = !graph.IsOutput(codes) && readers.All(r => Codes.IsDequantize(r) && r.Input(0) == codes);
        (int Low, int High) bounds;
        ElementType wide = type;
        if (IsNarrow(type))
        {
            if (!paired)
            {
                throw work.Refuse(quantize, $"gives {type.OnnxName()} codes to more than DequantizeLinear.");
            }

            IntegerGrid grid = Codes.Grid(type)!.Value;
            bounds = (grid.Min, grid.Max);
            wide = grid.Signed ? ElementType.Int8 : ElementType.UInt8;
            foreach (Node node in readers.Append(quantize))
            {
                WidenZero(graph, node, wide);
                node.Without("output_dtype");
            }
        }
        else if (paired && type is ElementType.Int8 or ElementType.UInt8
            && graph.Producer(quantize.Input(0)) is { } clip && clip.Is("Clip") && clip.Inputs.Count == 3
            && NodeUnit.Bounds(graph, clip, Codes.Map(quantize), type) is { } found && QonnxGrid.Of(found) is not null && Codes.Grid(type) is { } whole && found != (whole.Min, whole.Max))
        {
            graph.SetInput(quantize, 0, clip.Input(0));
            bounds = found;
        }
        else
        {
            return;
        }

        foreach (Node reader in readers)
        {
            Clip(graph, reader, codes, wide, bounds);
        }
    }

    private static void Clip(Graph graph, Node dequantize, string codes, ElementType type, (int Low, int High) bounds)
    {
        string clipped = graph.FreshName(codes + "_clipped");
        string low = graph.AddConstant(codes + "_min", ToQOperator.Scalar(type, bounds.Low));
        string high = graph.AddConstant(codes + "_max", ToQOperator.Scalar(type, bounds.High));
        graph.InsertBefore(dequantize, new Node(graph.FreshName(codes + "_Clip"), "Clip", [codes, low, high], [clipped]));
        graph.SetInput(dequantize, 0, clipped);
    }

    private static Tensor Widen(Tensor codes, ElementType wide) => Codes.Pack([.. codes.ToInt64s().Select(c => (int)c)], codes.Dims.AsSpan(), wide);

    private static void WidenZero(Graph graph, Node node, ElementType wide)
    {
        // without a zero point QuantizeLinear would take uint8
        Tensor scale = graph.Constant(node.Input(1)) ?? Tensor.Scalar(1f);
        Tensor zero = graph.Constant(node.Input(2)) is { } z ? Widen(z, wide) : new Tensor(wide, scale.Dims.AsSpan(), new byte[scale.Count]);
        graph.SetInput(node, 2, graph.AddConstant(node.Input(1) + "_zero_point", zero));
    }
}
