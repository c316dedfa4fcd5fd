namespace Halftone.Onnx.Passes;

/// <summary>Makes initializers of Constant nodes, and of ConstantOfShape nodes whose shape is constant.</summary>
/// <remarks>y = Constant()  =>  initializer y. y = ConstantOfShape(constant)  =>  initializer y, if it is no larger than a limit.</remarks>
public sealed record ConstantsToInitializers : IGraphPass
{
    private const long MostElements = 1L << 26; // 256 MB of floats; a small file must not become a huge one

    /// <inheritdoc/>
    public bool Apply(Graph graph, PassContext context)
    {
        List<Node> replaced = [];
        foreach (Node node in graph.Nodes)
        {
            if (Value(graph, node) is { } value && !graph.IsOutput(node.Outputs[0]))
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

    private static Tensor? Value(Graph graph, Node node)
    {
        if (node.Is("Constant"))
        {
            return node.TensorAttribute("value")
                ?? (node.Has("value_float") ? Tensor.Scalar(node.Float("value_float", 0))
                : node.Has("value_int") ? Tensor.Scalar(node.Int("value_int", 0))
                : node.Floats("value_floats") is { Length: > 0 } floats ? Tensor.Of(floats, floats.Length)
                : node.Ints("value_ints") is { Length: > 0 } ints ? Tensor.Of(ints, ints.Length) : null);
        }

        if (!node.Is("ConstantOfShape") || graph.Constant(node.Input(0)) is not { } shape)
        {
            return null;
        }

        long[] dims = shape.ToInt64s();
        long count = 1;
        foreach (long length in dims)
        {
            if (length < 0 || length > MostElements || (count *= length) > MostElements)
            {
                return null;
            }
        }

        Tensor element = node.TensorAttribute("value") ?? Tensor.Scalar(0f);
        if (element.Type.Bits() < 8)
        {
            return null;
        }

        var bytes = new byte[element.Type.ByteCount(count)];
        for (int at = 0; at < bytes.Length; at += (int)element.ByteLength)
        {
            element.Bytes.CopyTo(bytes.AsSpan(at));
        }

        return new Tensor(element.Type, dims, bytes);
    }
}
