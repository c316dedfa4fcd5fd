namespace Halftone.Onnx.Passes;

/// <summary>Computes nodes whose inputs are all constants: the shape arithmetic and weight reordering that exporters leave in a file.</summary>
/// <remarks>y = Op(constants)  =>  initializer y, for the operators of <see cref="ConstantOperators"/>, within <see cref="PassContext"/>'s limit of memory.</remarks>
public sealed record FoldConstants : IGraphPass
{
    /// <inheritdoc/>
    public bool Apply(Graph graph, PassContext context)
    {
        graph.Sort();
        int folded = 0;
        foreach (Node node in graph.Nodes.ToArray())
        {
            if (node.Domain.Length > 0 || node.Outputs.Count != 1 || graph.IsOutput(node.Outputs[0]) || !ConstantOperators.Knows(node.Op))
            {
                continue;
            }

            Tensor?[] inputs = [.. node.Inputs.Select(i => i.Length == 0 ? null : graph.Constant(i))];
            if (node.Inputs.Zip(inputs).Any(p => p.First.Length > 0 && p.Second is null))
            {
                continue;
            }

            long bytes = ConstantOperators.MostBytes(node, inputs);
            if (context.HasRoom(graph, bytes) && ConstantOperators.Compute(node, inputs) is { } value)
            {
                context.TakeRoom(bytes);
                graph.SetConstant(node.Outputs[0], value);
                graph.Remove(node);
                folded++;
            }
        }

        if (folded > 0)
        {
            context.Log.Add($"{folded} nodes that depend on constants alone computed");
        }

        return folded > 0;
    }
}
