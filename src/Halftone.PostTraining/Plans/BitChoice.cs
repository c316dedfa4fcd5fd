using System.Collections.Immutable;
using Halftone.Onnx;
using Halftone.PostTraining.Recipes;

namespace Halftone.PostTraining.Plans;

/// <summary>Bits of single nodes and edges, where a recipe names others than for the rest.</summary>
internal static class BitChoice
{
    /// <summary>Bits of weights, by the name of their node.</summary>
    public static ImmutableDictionary<string, int> Weights(Graph graph, Recipe recipe, Node[] weighted) =>
        Chosen(graph, recipe, weighted, b => b.Weights).ToImmutableDictionary();

    /// <summary>Bits of edges, by head; edges that share parameters take the most that any reader or maker of one of them asks for.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="recipe">The recipe.</param>
    /// <param name="weighted">Nodes with weights, in order.</param>
    /// <param name="edges">Quantized edges, with their heads.</param>
    public static ImmutableDictionary<string, int> Edges(Graph graph, Recipe recipe, Node[] weighted, IReadOnlyDictionary<string, string> edges)
    {
        Dictionary<string, int> bits = [];
        void Ask(string edge, int wanted)
        {
            if (edges.TryGetValue(edge, out string? head))
            {
                bits[head] = Math.Max(bits.GetValueOrDefault(head), wanted);
            }
        }

        Dictionary<string, Node> nodes = graph.Nodes.ToDictionary(n => n.Name);
        foreach ((string name, int wanted) in Chosen(graph, recipe, weighted, b => b.Activations))
        {
            foreach (string input in nodes[name].Inputs)
            {
                Ask(input, wanted);
            }
        }

        foreach ((string name, int wanted) in Chosen(graph, recipe, weighted, b => b.Outputs))
        {
            // behind a Relu or Clip that nobody else reads before, where the codes are made
            string output = nodes[name].Outputs[0];
            while (!edges.ContainsKey(output) && graph.Consumers(output) is [Node only])
            {
                output = only.Outputs[0];
            }

            Ask(output, wanted);
        }

        return bits.ToImmutableDictionary();
    }

    private static IEnumerable<KeyValuePair<string, int>> Chosen(Graph graph, Recipe recipe, Node[] weighted, Func<NodeBits, int?> which) =>
        from node in recipe.Bits.IsEmpty ? [] : graph.Nodes
        let bits = recipe.Bits.Where(b => which(b) is not null && b.Fits(node, weighted)).Select(which).LastOrDefault()
        where bits is not null
        select KeyValuePair.Create(node.Name, bits.Value);
}
