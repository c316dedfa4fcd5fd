namespace Halftone.Onnx.Export;

/// <summary>Halves widened to floats: constants, casts, graph inputs and outputs. Widening is exact; arithmetic in floats then rounds less.</summary>
internal static class FromFloat16
{
    private const long Half = (long)ElementType.Float16;

    public static void Apply(Conversion work)
    {
        Graph graph = work.Graph;
        foreach (Node node in graph.Nodes.ToArray())
        {
            work.Cancel.ThrowIfCancellationRequested();
            if (node.InnerConstants.Any(c => c.Type is ElementType.Float16) || node.InnerNodes.Any(n => (n.Is("Cast") && n.Int("to", 0) == Half) || n.Int("dtype", 0) == Half))
            {
                throw work.Refuse(node, "has halves in its subgraphs, which are not widened.");
            }

            if (node.Is("Cast") && node.Int("to", 0) == Half)
            {
                node.With("to", (long)ElementType.Float);
            }
            else if (node.Int("dtype", 0) == Half)
            {
                throw work.Refuse(node, "makes halves by its attribute 'dtype', which is not rewritten.");
            }
            else if (node.Is("ConstantOfShape") && node.TensorAttribute("value") is { Type: ElementType.Float16 } value)
            {
                node.Find("value")!.T = TensorFormat.Write("", Tensor.Of(value.ToFloats(), value.Dims.AsSpan()));
            }
        }

        foreach ((string name, Tensor value) in graph.Initializers.Where(i => i.Value.Type is ElementType.Float16).ToArray())
        {
            graph.SetConstant(name, Tensor.Of(value.ToFloats(), value.Dims.AsSpan()));
        }

        RemoveCasts(graph);
        graph.ForgetDeclaredTypes();
        if (GraphTypes.Change(graph, ElementType.Float16, ElementType.Float))
        {
            work.Note("Inputs and outputs that were half are float now.");
            work.Renew();
        }
    }

    /// <summary>Casts from float to float: of constants, of float inputs, and of one another.</summary>
    private static void RemoveCasts(Graph graph)
    {
        bool IsCast(Node? node) => node is not null && node.Is("Cast") && node.Int("to", 0) == (long)ElementType.Float;
        foreach (Node cast in graph.Nodes.Where(n => IsCast(n)).ToArray())
        {
            string input = cast.Input(0);
            bool isFloat = graph.Constant(input) is { Type: ElementType.Float } || IsCast(graph.Producer(input))
                || graph.Inputs.Any(i => i.Name == input && i.Type is ElementType.Float or ElementType.Float16)
                || (graph.Producer(input) is { } maker && HalfOperators.Places(maker) is { Length: > 0 } places && places.All(p => graph.Constant(maker.Input(p)) is { Type: ElementType.Float }));
            if (isFloat && !graph.IsOutput(cast.Outputs[0]))
            {
                graph.ReplaceUses(cast.Outputs[0], input);
                graph.Remove(cast);
            }
        }
    }
}
