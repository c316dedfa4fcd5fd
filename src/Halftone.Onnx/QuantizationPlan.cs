using System.Collections.Immutable;
using Halftone.Formats;
using Halftone.Onnx.Targets;

namespace Halftone.Onnx;

/// <summary>One input of one node.</summary>
/// <param name="Node">The node's name.</param>
/// <param name="Input">The input's place.</param>
public readonly record struct InputSite(string Node, int Input);

/// <summary>What becomes of a graph: every quantized weight and edge with its format. Immutable; methods improve a plan by making another.</summary>
public sealed record QuantizationPlan
{
    /// <summary>Nothing quantized.</summary>
    public static QuantizationPlan Empty { get; } = new();

    /// <summary>Constants that become codes, by the input that reads them.</summary>
    public ImmutableDictionary<InputSite, QuantizedTensor> Weights { get; init; } = ImmutableDictionary<InputSite, QuantizedTensor>.Empty;

    /// <summary>Edges that are quantized, by the name of the value.</summary>
    public ImmutableDictionary<string, ActivationQuantizer> Edges { get; init; } = ImmutableDictionary<string, ActivationQuantizer>.Empty;

    /// <summary>The inputs that read a quantized edge; others read the float value. A graph output reads it when it is in <see cref="QuantizedOutputs"/>.</summary>
    public ImmutableHashSet<InputSite> Readers { get; init; } = [];

    /// <summary>Graph outputs that show the quantized value.</summary>
    public ImmutableHashSet<string> QuantizedOutputs { get; init; } = [];

    /// <summary>Nodes whose input is quantized anew at every run, with the range of that input.</summary>
    public ImmutableHashSet<string> DynamicNodes { get; init; } = [];

    /// <summary>Nodes that run in float, and why.</summary>
    public ImmutableSortedDictionary<string, string> KeptFloat { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>What is added to the float bias of a node, by its name, one value an output channel.</summary>
    public ImmutableDictionary<string, ImmutableArray<float>> BiasCorrections { get; init; } = ImmutableDictionary<string, ImmutableArray<float>>.Empty;

    /// <summary>How biases of nodes with quantized input and weight are stored.</summary>
    public BiasForm Bias { get; init; } = BiasForm.Int32;

    /// <summary>The plan with all of a node in float: its weights are left out and, where nobody else needs them, its edges.</summary>
    /// <param name="graph">The graph the plan is for.</param>
    /// <param name="node">The node.</param>
    /// <param name="reason">Why.</param>
    public QuantizationPlan WithoutNode(Graph graph, Node node, string reason)
    {
        ImmutableHashSet<InputSite> readers = Readers.Except(Readers.Where(r => r.Node == node.Name));
        QuantizationPlan without = this with
        {
            Weights = Weights.RemoveRange(Weights.Keys.Where(s => s.Node == node.Name)),
            Readers = readers,
            DynamicNodes = DynamicNodes.Remove(node.Name),
            BiasCorrections = BiasCorrections.Remove(node.Name),
            KeptFloat = KeptFloat.SetItem(node.Name, reason),
        };

        // an edge that no integer node reads any more is a rounding that helps nobody
        ImmutableDictionary<string, ActivationQuantizer> edges = without.Edges;
        foreach (string edge in node.Inputs.Concat(node.Outputs).Where(edges.ContainsKey).ToArray())
        {
            bool needed = graph.Consumers(edge).Any(c => c.Name != node.Name && !without.KeptFloat.ContainsKey(c.Name) && c.Inputs.Select((name, i) => (name, i)).Any(p => p.name == edge && without.Readers.Contains(new(c.Name, p.i))))
                || (graph.Producer(edge) is { } producer && producer.Name != node.Name && !without.KeptFloat.ContainsKey(producer.Name));
            if (!needed)
            {
                edges = edges.Remove(edge);
                without = without with
                {
                    Readers = without.Readers.Except(graph.Consumers(edge).SelectMany(c => c.Inputs.Select((name, i) => (name, site: new InputSite(c.Name, i))).Where(p => p.name == edge).Select(p => p.site))),
                    QuantizedOutputs = without.QuantizedOutputs.Remove(edge),
                };
            }
        }

        return without with { Edges = edges };
    }
}
