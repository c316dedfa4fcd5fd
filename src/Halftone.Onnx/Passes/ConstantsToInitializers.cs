namespace Halftone.Onnx.Passes;

/// <summary>Makes initializers of Constant nodes, and of ConstantOfShape nodes whose shape is constant.</summary>
/// <remarks>y = Constant()  =>  initializer y. y = ConstantOfShape(constant)  =>  initializer y, within <see cref="PassContext"/>'s limit of memory.</remarks>
public sealed record ConstantsToInitializers : IGraphPass
{
    /// <inheritdoc/>
    public bool Apply(Graph graph, PassContext context)
    {
        List<Node> replaced = [];
        foreach (Node node in graph.Nodes)
        {
            if (node.Outputs.Count == 1 && !graph.IsOutput(node.Outputs[0]) && Value(graph, node, context) is { } value)
            {
                graph.SetConstant(node.Outputs[0], value);
                replaced.Add(node);
            }
        }

        if (replaced.Count > 0)
        {
            HashSet<Node> gone = [.. replaced];
            graph.RemoveAll(gone.Contains);
            context.Log.Add($"{replaced.Count} Constant nodes became initializers");
        }

        return replaced.Count > 0;
    }

    private static Tensor? Value(Graph graph, Node node, PassContext context)
    {
        if (node.Is("Constant"))
        {
            return node.TensorAttribute("value")
                ?? (node.Has("value_float") ? Tensor.Scalar(node.Float("value_float", 0))
                : node.Has("value_int") ? Tensor.Scalar(node.Int("value_int", 0))
                : node.Floats("value_floats") is { } floats ? Tensor.Of(floats, floats.Length)
                : node.Ints("value_ints") is { } ints ? Tensor.Of(ints, ints.Length) : null);
        }

        return node.Is("ConstantOfShape") && graph.Constant(node.Input(0)) is { Type: ElementType.Int64 } shape
            ? Filled(graph, shape.ToInt64s(), node.Has("value") ? node.TensorAttribute("value") : Tensor.Scalar(0f), context) : null;
    }

    private static Tensor? Filled(Graph graph, long[] dims, Tensor? element, PassContext context)
    {
        if (element is null || element.Count != 1 || element.Type.Bits() < 8)
        {
            return null;
        }

        long count = 1;
        foreach (long length in dims)
        {
            if (length < 0 || length > Array.MaxLength || (count *= length) > Array.MaxLength)
            {
                return null;
            }
        }

        if (!context.HasRoom(graph, element.Type.ByteCount(count)))
        {
            return null;
        }

        context.TakeRoom(element.Type.ByteCount(count));
        var bytes = new byte[element.Type.ByteCount(count)];
        for (int at = 0; at < bytes.Length; at += (int)element.ByteLength)
        {
            element.Bytes.CopyTo(bytes.AsSpan(at));
        }

        return new Tensor(element.Type, dims, bytes);
    }
}
