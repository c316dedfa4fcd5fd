namespace Halftone.Onnx.Export;

/// <summary>QuantizeLinear, Clip, DequantizeLinear without the Clip of the codes: 4-bit types where the opset has them, else a Clip of the values before.</summary>
/// <remarks>Exact: rounding is monotone, so clipping values to the values of the outermost codes gives the same codes.</remarks>
internal static class FromQcdq
{
    /// <summary>The first opset whose QuantizeLinear knows 4 bits and blocks.</summary>
    public const int FourBitOpset = 21;

    public static void Apply(Conversion work)
    {
        // integer operators take codes that a Clip has been over
        bool codesStay = work.To is ModelFormat.QOperator;
        bool fourBits = work.To is ModelFormat.Qdq or ModelFormat.MatMulNBits && work.Model.Opset >= FourBitOpset;
        foreach (Node clip in work.Graph.Nodes.Where(n => Codes.IsClip(work.Graph, n)).ToArray())
        {
            if (work.Graph.Constant(clip.Input(0)) is { } codes)
            {
                Weight(work, clip, codes, fourBits);
            }
            else if (!codesStay)
            {
                Activation(work, clip, work.Graph.Producer(clip.Input(0))!, fourBits);
            }
        }
    }

    /// <summary>The bounds of a Clip of codes.</summary>
    public static (int Low, int High) Bounds(Graph graph, Node clip) =>
        ((int)graph.Constant(clip.Input(1))!.ToInt64s()[0], (int)graph.Constant(clip.Input(2))!.ToInt64s()[0]);

    /// <summary>Constant codes after their Clip.</summary>
    public static int[] Clipped(Tensor codes, (int Low, int High) bounds) => [.. codes.ToInt64s().Select(c => Math.Clamp((int)c, bounds.Low, bounds.High))];

    private static void Weight(Conversion work, Node clip, Tensor codes, bool fourBits)
    {
        (Graph graph, (int Low, int High) bounds) = (work.Graph, Bounds(work.Graph, clip));
        int[] clipped = Clipped(codes, bounds);
        Node[] readers = [.. graph.Consumers(clip.Outputs[0])];
        ElementType? narrow = fourBits ? FourBits(bounds) : null;
        string name = graph.AddConstant(clip.Input(0), Codes.Pack(clipped, codes.Dims.AsSpan(), NarrowFits(graph, readers, narrow) ? narrow!.Value : codes.Type));
        foreach (Node reader in readers)
        {
            graph.SetInput(reader, 0, name);
            if (NarrowFits(graph, [reader], narrow))
            {
                NarrowZero(graph, reader, narrow!.Value);
            }
        }

        graph.Remove(clip);
    }

    private static void Activation(Conversion work, Node clip, Node quantize, bool fourBits)
    {
        (Graph graph, (int Low, int High) bounds, AffineMap map) = (work.Graph, Bounds(work.Graph, clip), Codes.Map(quantize));
        Node[] readers = [.. graph.Consumers(clip.Outputs[0])];
        bool alone = !graph.IsOutput(quantize.Outputs[0]) && graph.Consumers(quantize.Outputs[0]).Count == 1;
        if (fourBits && alone && FourBits(bounds) is { } narrow && NarrowFits(graph, [.. readers, quantize], narrow))
        {
            foreach (Node node in readers.Append(quantize))
            {
                NarrowZero(graph, node, narrow);
            }
        }
        else if (alone && Codes.Parameters(graph, map) is { } p)
        {
            string low = graph.AddConstant(clip.Name + "_min", Tensor.Scalar(p.Dequantize(bounds.Low)));
            string high = graph.AddConstant(clip.Name + "_max", Tensor.Scalar(p.Dequantize(bounds.High)));
            string value = graph.FreshName(quantize.Input(0) + "_clipped");
            graph.InsertBefore(quantize, new Node(graph.FreshName(clip.Name + "_values"), "Clip", [quantize.Input(0), low, high], [value]));
            graph.SetInput(quantize, 0, value);
        }
        else
        {
            throw work.Refuse(clip, "clips codes that have several scales or other readers, which a Clip of the values cannot do.");
        }

        graph.ReplaceUses(clip.Outputs[0], quantize.Outputs[0]);
        graph.Remove(clip);
    }

    private static ElementType? FourBits((int Low, int High) bounds) => bounds switch
    {
        (-8, 7) => ElementType.Int4,
        (0, 15) => ElementType.UInt4,
        _ => null,
    };

    private static bool NarrowFits(Graph graph, Node[] nodes, ElementType? narrow) =>
        narrow is { } type && Codes.Grid(type) is { } grid
        && nodes.All(n => n.Input(2).Length == 0 || (graph.Constant(n.Input(2)) is { } zero && zero.ToInt64s().All(z => z >= grid.Min && z <= grid.Max)));

    private static void NarrowZero(Graph graph, Node node, ElementType type)
    {
        Tensor scale = graph.Constant(node.Input(1))!;
        Tensor zero = graph.Constant(node.Input(2)) ?? new Tensor(ElementType.Int8, scale.Dims.AsSpan(), new byte[scale.Count]);
        graph.SetInput(node, 2, graph.AddConstant(node.Input(1) + "_zero_point", Codes.Pack([.. zero.ToInt64s().Select(z => (int)z)], zero.Dims.AsSpan(), type)));
        node.Without("output_dtype");
    }
}
