namespace Halftone.Onnx.Passes;

/// <summary>Removes nodes and constants that no output needs.</summary>
/// <remarks>y = Op(x), y read by nobody and no output  =>  nothing.</remarks>
public sealed record RemoveDeadNodes : IGraphPass
{
    /// <inheritdoc/>
    public bool Apply(Graph graph, PassContext context)
    {
        graph.Sort();
        HashSet<string> needed = [.. graph.Outputs.Select(o => o.Name)];
        foreach (Node node in graph.Nodes.Reverse())
        {
            if (node.Outputs.Any(needed.Contains))
            {
                needed.UnionWith(node.Inputs);
                needed.UnionWith(node.CapturedNames);
            }
        }

        int nodes = graph.RemoveAll(n => !n.Outputs.Any(needed.Contains));
        string[] constants = [.. graph.Initializers.Keys.Where(n => !needed.Contains(n))];
        foreach (string name in constants)
        {
            graph.RemoveConstant(name);
        }

        if (nodes > 0)
        {
            context.Log.Add($"{nodes} nodes that nothing needs removed");
        }

        return nodes > 0 || constants.Length > 0;
    }
}
