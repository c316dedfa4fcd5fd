namespace Halftone.Onnx.Passes;

/// <summary>Writes a Sum of two as an Add, and one of one as nothing.</summary>
/// <remarks>y = Sum(a, b)  =>  y = Add(a, b). Residual connections of older files are Sums.</remarks>
public sealed record SumToAdd : IGraphPass
{
    /// <inheritdoc/>
    public bool Apply(Graph graph, PassContext context)
    {
        Node[] sums = [.. graph.Nodes.Where(n => n.Is("Sum") && n.Outputs.Count == 1 && n.Inputs.Count is 1 or 2)];
        foreach (Node node in sums)
        {
            graph.InsertBefore(node, new Node(graph.FreshName($"{node.Name}_add"), node.Inputs.Count == 2 ? "Add" : "Identity", node.Inputs, node.Outputs));
            graph.Remove(node);
        }

        if (sums.Length > 0)
        {
            context.Log.Add($"{sums.Length} Sum nodes became Add");
        }

        return sums.Length > 0;
    }
}
