namespace Halftone.Onnx.Export;

/// <summary>One QuantizeLinear a value and one DequantizeLinear a reader, which is what runtimes fuse (tools.md F1, F2).</summary>
internal static class DedicatedPairs
{
    /// <summary>Merges quantizers, and Clips of codes, that do the same to the same value; gives every reader a DequantizeLinear of its own.</summary>
    public static void Apply(Graph graph)
    {
        Merge(graph, Codes.IsQuantize, (a, b) => Codes.OutputType(graph, a) == Codes.OutputType(graph, b) && Codes.Same(graph, Codes.Map(a), Codes.Map(b)));
        Merge(graph, n => Codes.IsClip(graph, n), (a, b) => FromQcdq.Bounds(graph, a) == FromQcdq.Bounds(graph, b));
        foreach (Node shared in graph.Nodes.Where(Codes.IsDequantize).ToArray())
        {
            Split(graph, shared);
        }
    }

    /// <summary>Gives each reader but the first a DequantizeLinear of its own; all of them where the value is a graph output, or a quantizer or subgraph reads it.</summary>
    /// <returns>How many were added.</returns>
    public static int Split(Graph graph, Node shared)
    {
        string output = shared.Outputs[0];
        IReadOnlyList<Node> all = graph.Consumers(output);
        (Node Reader, int Place)[] readers =
            [.. all.Where(r => !Codes.IsQuantize(r)).SelectMany(r => Enumerable.Range(0, r.Inputs.Count).Where(i => r.Inputs[i] == output).Select(i => (r, i)))];
        int kept = graph.IsOutput(output) || all.Any(r => Codes.IsQuantize(r) || r.CapturedNames.Contains(output)) ? 0 : 1;
        foreach ((Node reader, int place) in readers.Skip(kept))
        {
            Node copy = new(graph.FreshName(shared.Name), shared.Op, shared.Inputs.ToArray(), [graph.FreshName(output)], shared.Domain);
            graph.InsertAfter(shared, copy.WithAttributesOf(shared));
            graph.SetInput(reader, place, copy.Outputs[0]);
        }

        return Math.Max(readers.Length - kept, 0);
    }

    private static void Merge(Graph graph, Predicate<Node> match, Func<Node, Node, bool> same)
    {
        foreach (IGrouping<string, Node> group in graph.Nodes.Where(n => match(n)).GroupBy(n => n.Input(0)).ToArray())
        {
            List<Node> kept = [];
            foreach (Node node in group)
            {
                if (kept.Find(k => same(k, node)) is { } first && !graph.IsOutput(node.Outputs[0]))
                {
                    graph.ReplaceUses(node.Outputs[0], first.Outputs[0]);
                    graph.Remove(node);
                }
                else
                {
                    kept.Add(node);
                }
            }
        }
    }
}
