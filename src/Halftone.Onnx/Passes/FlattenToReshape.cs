namespace Halftone.Onnx.Passes;

/// <summary>Writes Flatten along axis 1 as a Reshape.</summary>
/// <remarks>y = Flatten(x, axis=1)  =>  y = Reshape(x, [0, -1]). ONNX Runtime keeps codes through Reshape alone.</remarks>
public sealed record FlattenToReshape : IGraphPass
{
    /// <inheritdoc/>
    public bool Apply(Graph graph, PassContext context)
    {
        Node[] flat = [.. graph.Nodes.Where(n => n.Is("Flatten") && n.Outputs.Count == 1 && n.Int("axis", 1) == 1)];
        foreach (Node node in flat)
        {
            string shape = graph.AddConstant($"{node.Name}_shape", Tensor.Of<long>([0, -1], 2));
            graph.InsertBefore(node, new Node(graph.FreshName($"{node.Name}_reshape"), "Reshape", [node.Input(0), shape], [node.Outputs[0]]));
            graph.Remove(node);
        }

        if (flat.Length > 0)
        {
            context.Log.Add($"{flat.Length} Flatten nodes became Reshape");
        }

        return flat.Length > 0;
    }
}
