using System.Collections.Immutable;
using Halftone.Onnx;
using Halftone.Onnx.Targets;
using Halftone.PostTraining.Calibration;
using Halftone.PostTraining.Recipes;

namespace Halftone.PostTraining.Plans;

/// <summary>Which nodes run in integers, which edges are quantized for them, which of these share parameters, and why the rest stays float.</summary>
public sealed record Placement
{
    /// <summary>Nodes in integers, by name, with their role.</summary>
    public required ImmutableSortedDictionary<string, OperatorRole> Nodes { get; init; }

    /// <summary>Constants to quantize as weights.</summary>
    public required ImmutableArray<InputSite> Weights { get; init; }

    /// <summary>Constant operands of arithmetic nodes, quantized like activations.</summary>
    public required ImmutableArray<InputSite> Operands { get; init; }

    /// <summary>Quantized edges, with the edge whose parameters each takes: itself, or the head of its group.</summary>
    public required ImmutableSortedDictionary<string, string> Edges { get; init; }

    /// <summary>Heads of <see cref="Edges"/>, with the edges that their range must hold: themselves, and heads of groups that a Concat joined to theirs.</summary>
    public required ImmutableSortedDictionary<string, ImmutableArray<string>> Covers { get; init; }

    /// <summary>Inputs that read quantized edges.</summary>
    public required ImmutableHashSet<InputSite> Readers { get; init; }

    /// <summary>Graph outputs that show the quantized value.</summary>
    public required ImmutableHashSet<string> QuantizedOutputs { get; init; }

    /// <summary>Nodes with numbers to compute that stay float, and why.</summary>
    public required ImmutableSortedDictionary<string, string> KeptFloat { get; init; }

    /// <summary>Bits of the weights of nodes for which the recipe names others than for the rest.</summary>
    public ImmutableDictionary<string, int> WeightBits { get; init; } = ImmutableDictionary<string, int>.Empty;

    /// <summary>Bits of edges, by head, for which the recipe names others than for the rest.</summary>
    public ImmutableDictionary<string, int> EdgeBits { get; init; } = ImmutableDictionary<string, int>.Empty;

    /// <summary>Edges whose statistics are needed.</summary>
    public IEnumerable<string> Observed => Covers.Values.SelectMany(c => c).Distinct();

    /// <summary>Decides from graph, target and recipe.</summary>
    /// <param name="graph">In topological order, after the passes.</param>
    /// <param name="target">Where it will run.</param>
    /// <param name="recipe">What to do.</param>
    /// <param name="values">Types and lengths seen in a run.</param>
    public static Placement Decide(Graph graph, Target target, Recipe recipe, IReadOnlyDictionary<string, ObservedValue> values)
    {
        var nodes = new NodeChoice(graph, target, recipe, values);
        nodes.Choose();
        var edges = new EdgeChoice(graph, target, nodes.Nodes);
        if (recipe.Mode is RecipeMode.Static)
        {
            edges.Choose();
        }

        return new Placement
        {
            Nodes = nodes.Nodes.ToImmutableSortedDictionary(StringComparer.Ordinal),
            Weights = [.. nodes.Weights.Where(w => nodes.Nodes.ContainsKey(w.Node))],
            Operands = [.. edges.Operands],
            Edges = edges.Edges.ToImmutableSortedDictionary(StringComparer.Ordinal),
            Covers = edges.Covers(),
            Readers = [.. edges.Readers],
            QuantizedOutputs = [.. edges.Outputs],
            KeptFloat = nodes.KeptFloat.ToImmutableSortedDictionary(StringComparer.Ordinal),
            WeightBits = BitChoice.Weights(graph, recipe, nodes.Weighted),
            EdgeBits = BitChoice.Edges(graph, recipe, nodes.Weighted, edges.Edges),
        };
    }
}
