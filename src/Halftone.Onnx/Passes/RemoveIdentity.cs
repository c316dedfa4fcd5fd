namespace Halftone.Onnx.Passes;

/// <summary>Removes nodes that give their input back: Identity, and Dropout as it is in inference.</summary>
/// <remarks>y = Identity(x)  =>  y is x.</remarks>
public sealed record RemoveIdentity : IGraphPass
{
    /// <inheritdoc/>
    public bool Apply(Graph graph, PassContext context)
    {
        int removed = 0;
        foreach (Node node in graph.Nodes.ToArray())
        {
            if (IsIdentity(graph, node) && Bypass(graph, node))
            {
                removed++;
            }
        }

        if (removed > 0)
        {
            context.Log.Add($"{removed} Identity and Dropout nodes removed");
        }

        return removed > 0;
    }

    private static bool IsIdentity(Graph graph, Node node) =>
        (node.Is("Identity") && node.Input(0).Length > 0 && node.Outputs.Count == 1)
        || (node.Is("Dropout") && node.Input(0).Length > 0 && (node.Output(1).Length == 0 || graph.Consumers(node.Output(1)).Count == 0) && !node.Outputs.Skip(1).Any(graph.IsOutput)
            && (node.Input(2).Length == 0 || (graph.Constant(node.Input(2)) is { Type: ElementType.Bool, Count: 1 } training && training.Bytes[0] == 0)));

    private static bool Bypass(Graph graph, Node node)
    {
        (string input, string output) = (node.Input(0), node.Outputs[0]);
        if (!graph.IsOutput(output))
        {
            if (graph.Consumers(output).Any(c => c.CapturedNames.Contains(output) && Subgraphs.AllNames(c.Proto).Contains(input)))
            {
                return false; // a subgraph that has a value of its own under that name would read that
            }

            graph.ReplaceUses(output, input);
            graph.Remove(node);
            return true;
        }

        // the output's name is part of the interface: its producer takes it over, if it may lose its own
        if (graph.Producer(input) is not { } producer || graph.IsOutput(input) || graph.Consumers(input).Any(c => c.CapturedNames.Contains(input)))
        {
            return false;
        }

        graph.Remove(node);
        graph.SetOutput(producer, producer.Outputs.ToList().IndexOf(input), output);
        foreach (Node reader in graph.Consumers(input).ToArray())
        {
            graph.ReplaceUses(reader, input, output);
        }

        return true;
    }
}
