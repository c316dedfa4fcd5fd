using System.Collections.Immutable;
using System.Text.RegularExpressions;
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

    /// <summary>Inputs that read quantized edges.</summary>
    public required ImmutableHashSet<InputSite> Readers { get; init; }

    /// <summary>Graph outputs that show the quantized value.</summary>
    public required ImmutableHashSet<string> QuantizedOutputs { get; init; }

    /// <summary>Nodes with numbers to compute that stay float, and why.</summary>
    public required ImmutableSortedDictionary<string, string> KeptFloat { get; init; }
}

/// <summary>Decides a <see cref="Placement"/> from graph, target and recipe.</summary>
/// <remarks>
/// ONNX Runtime fuses a node only as a unit: every input from a DequantizeLinear, every output to a QuantizeLinear alone (tools.md F1). So both ends of
/// an integer node are quantized, a Relu or Clip behind it is absorbed by the QuantizeLinear after it, nodes that only move codes share the parameters
/// of their input, and nothing else is wrapped. TensorRT wants inputs alone, and of an Add behind a convolution the other branch (T4, T5).
/// </remarks>
public sealed class Placer
{
    private static readonly TimeSpan s_regexLimit = TimeSpan.FromSeconds(1);

    private readonly Graph _graph;
    private readonly Target _target;
    private readonly Recipe _recipe;
    private readonly IReadOnlyDictionary<string, ObservedValue> _values;
    private readonly SortedDictionary<string, OperatorRole> _nodes = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, string> _keptFloat = new(StringComparer.Ordinal);
    private readonly List<InputSite> _weights = [];
    private readonly List<InputSite> _operands = [];
    private readonly SortedDictionary<string, string> _edges = new(StringComparer.Ordinal);
    private readonly HashSet<InputSite> _readers = [];
    private readonly HashSet<string> _outputs = [];

    private Placer(Graph graph, Target target, Recipe recipe, IReadOnlyDictionary<string, ObservedValue> values) =>
        (_graph, _target, _recipe, _values) = (graph, target, recipe, values);

    /// <summary>The placement.</summary>
    /// <param name="graph">In topological order, after the passes.</param>
    /// <param name="target">Where it will run.</param>
    /// <param name="recipe">What to do.</param>
    /// <param name="values">Types and lengths seen in a run.</param>
    public static Placement Decide(Graph graph, Target target, Recipe recipe, IReadOnlyDictionary<string, ObservedValue> values)
    {
        var placer = new Placer(graph, target, recipe, values);
        placer.ChooseNodes();
        if (recipe.Mode is RecipeMode.Static)
        {
            placer.DropIsolated();
            placer.ChooseEdges();
        }

        return new Placement
        {
            Nodes = placer._nodes.ToImmutableSortedDictionary(StringComparer.Ordinal),
            Weights = [.. placer._weights.Where(w => placer._nodes.ContainsKey(w.Node))],
            Operands = [.. placer._operands.Where(w => placer._nodes.ContainsKey(w.Node))],
            Edges = placer._edges.ToImmutableSortedDictionary(StringComparer.Ordinal),
            Readers = [.. placer._readers],
            QuantizedOutputs = [.. placer._outputs],
            KeptFloat = placer._keptFloat.ToImmutableSortedDictionary(StringComparer.Ordinal),
        };
    }

    private void ChooseNodes()
    {
        Node[] weighted = [.. _graph.Nodes.Where(n => Role(n) is OperatorRole.Weighted)];
        foreach (Node node in _graph.Nodes)
        {
            if (Role(node) is not { } role)
            {
                if (_recipe.Mode is RecipeMode.Static && (node.Domain.Length > 0 || IsFloat(node.Outputs.FirstOrDefault(o => o.Length > 0) ?? "")))
                {
                    _keptFloat[node.Name] = $"{_target.Id} has no integer {node.Op}";
                }

                continue;
            }

            string? reason = ReasonForFloat(node, role, weighted);
            if (reason is not null)
            {
                _keptFloat[node.Name] = reason;
                continue;
            }

            _nodes[node.Name] = role;
            int place = node.Is("Gather") ? 0 : 1;
            if (role is OperatorRole.Weighted && _graph.Constant(node.Input(place)) is not null)
            {
                _weights.Add(new(node.Name, place));
            }
        }
    }

    private OperatorRole? Role(Node node)
    {
        if (node.Domain.Length > 0)
        {
            return null;
        }

        if (_recipe.Mode is RecipeMode.WeightOnly && node.Is("Gather") && _graph.Constant(node.Input(0)) is { Dims.Length: 2 })
        {
            return OperatorRole.Weighted;
        }

        return _target.Operators.TryGetValue(node.Op, out OperatorRole role) && (_recipe.Mode is RecipeMode.Static || role is OperatorRole.Weighted) ? role : null;
    }

    private string? ReasonForFloat(Node node, OperatorRole role, Node[] weighted)
    {
        if (_recipe.KeepFloat.FirstOrDefault(k => Fits(k, node, weighted)) is { } keep)
        {
            return keep.Reason;
        }

        if (!_recipe.Operators.IsEmpty && role is OperatorRole.Weighted or OperatorRole.Arithmetic && !_recipe.Operators.Contains(node.Op))
        {
            return $"recipe '{_recipe.Name}' does not quantize {node.Op}";
        }

        if (node.CapturedNames.Length > 0)
        {
            return "it has subgraphs, which are left as they are";
        }

        if (!IsFloat(node.Op is "Gather" or "Where" ? node.Outputs[0] : node.Input(0)))
        {
            return "it does not compute in 32-bit floats";
        }

        return role is OperatorRole.Weighted ? ReasonOfWeight(node) : role is OperatorRole.Arithmetic ? ReasonOfOperands(node) : null;
    }

    private string? ReasonOfWeight(Node node)
    {
        Tensor? weight = _graph.Constant(node.Is("Gather") ? node.Input(0) : node.Input(1));
        if (weight is null)
        {
            return node.Is("MatMul") && _recipe.Mode is RecipeMode.Static && IsFloat(node.Input(1)) ? null : "its weight is no constant";
        }

        if (weight.Type is not ElementType.Float)
        {
            return $"its weight is {weight.Type.OnnxName()}";
        }

        if (weight.Count < _recipe.Weights.MinimumElements)
        {
            return $"its weight has {weight.Count} elements, fewer than {_recipe.Weights.MinimumElements}";
        }

        if (weight.Dims.Length < 2)
        {
            return "its weight is a vector";
        }

        if (_recipe.Mode is RecipeMode.Dynamic && !Onnx.Export.DynamicExport.Fits(node))
        {
            return "its form (transposed input, alpha or beta) has no dynamic integer operator";
        }

        return node.Is("Gemm") && node.Int("transA", 0) != 0 ? "its input is transposed" : null;
    }

    private string? ReasonOfOperands(Node node)
    {
        foreach (string input in node.Inputs.Skip(FirstData(node)).Where(i => i.Length > 0))
        {
            if (_graph.Constant(input) is { } constant)
            {
                if (constant.Type is ElementType.Float && constant.ToFloats().Any(v => !float.IsFinite(v)))
                {
                    return $"its constant '{input}' is not finite";
                }
            }
            else if (!IsFloat(input))
            {
                return "it does not compute in 32-bit floats";
            }
        }

        return null;
    }

    private static bool Fits(KeepFloat keep, Node node, Node[] weighted) =>
        (keep.Op is null || keep.Op == node.Op)
        && (keep.Name is null || Regex.IsMatch(node.Name, keep.Name, RegexOptions.None, s_regexLimit))
        && (keep.Place is null || (weighted.Length > 0 && (keep.Place == "first" ? weighted[0] : weighted[^1]) == node));

    /// <summary>
    /// Nodes that only move or combine values are worth codes only between nodes that multiply: those no weighted node is connected to
    /// through such nodes stay float, or rounding would be added for nothing.
    /// </summary>
    private void DropIsolated()
    {
        for (bool changed = true; changed;)
        {
            changed = false;
            foreach (Node node in _graph.Nodes)
            {
                if (!_nodes.TryGetValue(node.Name, out OperatorRole role) || role is OperatorRole.Weighted)
                {
                    continue;
                }

                string? reason = role switch
                {
                    OperatorRole.Absorbed when !AbsorbedInto(node) => "no integer node before it takes it in",
                    OperatorRole.SameParameters when !ComesInCodes(node.Input(0)) => "its input is not in codes",
                    OperatorRole.Arithmetic when !node.Inputs.Any(ComesInCodes) && !_graph.Consumers(node.Outputs[0]).Any(c => _nodes.GetValueOrDefault(c.Name, OperatorRole.Absorbed) is OperatorRole.Weighted) => "no integer node is next to it",
                    _ => null,
                };
                if (reason is not null)
                {
                    _nodes.Remove(node.Name);
                    _keptFloat[node.Name] = reason;
                    changed = true;
                }
            }
        }
    }

    private bool ComesInCodes(string value) => _graph.Producer(value) is { } producer && _nodes.ContainsKey(producer.Name);

    // directly behind an integer node that nobody else reads
    private bool AbsorbedInto(Node node) =>
        _graph.Producer(node.Input(0)) is { } producer
        && _nodes.TryGetValue(producer.Name, out OperatorRole role)
        && role is OperatorRole.Weighted or OperatorRole.Arithmetic
        && producer.Outputs.Count == 1
        && _graph.Consumers(node.Input(0)).Count == 1
        && !_graph.IsOutput(node.Input(0));

    private void ChooseEdges()
    {
        foreach (Node node in _graph.Nodes)
        {
            if (_nodes.TryGetValue(node.Name, out OperatorRole role))
            {
                ChooseInputs(node, role);
            }
        }

        if (_target.QuantizesOutputs)
        {
            foreach (Node node in _graph.Nodes.Where(n => _nodes.ContainsKey(n.Name)))
            {
                ChooseOutputs(node);
            }

            foreach (Node node in _graph.Nodes)
            {
                for (int i = 0; i < node.Inputs.Count; i++)
                {
                    if (_edges.ContainsKey(node.Inputs[i]))
                    {
                        _readers.Add(new(node.Name, i));
                    }
                }
            }

            _outputs.UnionWith(_graph.Outputs.Select(o => o.Name).Where(o => _edges.ContainsKey(o) && _graph.Producer(o) is { } p && _nodes.ContainsKey(p.Name)));
        }
    }

    private void ChooseInputs(Node node, OperatorRole role)
    {
        if (role is OperatorRole.Absorbed)
        {
            return;
        }

        int count = role is OperatorRole.Weighted ? 2 : role is OperatorRole.SameParameters ? 1 : node.Inputs.Count;
        for (int i = FirstData(node); i < count; i++)
        {
            string input = node.Input(i);
            if (input.Length == 0 || (!_target.QuantizesOutputs && BranchThatStays(node, i)))
            {
                continue;
            }

            if (_graph.Constant(input) is { } constant)
            {
                if (role is OperatorRole.Arithmetic && constant.Type is ElementType.Float)
                {
                    _operands.Add(new(node.Name, i));
                }

                continue;
            }

            _edges.TryAdd(input, input);
            _readers.Add(new(node.Name, i));
        }
    }

    // the condition of a Where is no number
    private static int FirstData(Node node) => node.Is("Where") ? 1 : 0;

    // TensorRT: the branch of an Add that comes straight from a convolution is fused with it, so only the other one is quantized
    private bool BranchThatStays(Node node, int input)
    {
        if (!node.Is("Add"))
        {
            return false;
        }

        bool FromConvolution(int i) =>
            _graph.Producer(node.Input(i)) is { } p && p.Op is "Conv" && _nodes.ContainsKey(p.Name) && _graph.Consumers(node.Input(i)).Count == 1;
        return FromConvolution(input) && !(input == 1 && FromConvolution(0));
    }

    private void ChooseOutputs(Node node)
    {
        foreach (string output in node.Outputs.Where(o => o.Length > 0))
        {
            IReadOnlyList<Node> readers = _graph.Consumers(output);
            if (readers.Count == 1 && _nodes.GetValueOrDefault(readers[0].Name, OperatorRole.Weighted) is OperatorRole.Absorbed && !_graph.IsOutput(output))
            {
                continue; // the QuantizeLinear comes behind the Relu or Clip
            }

            // a product may leave integers by itself: ONNX Runtime's QGemm and MatMulIntegerToFloat give floats
            if (node.Op is "Gemm" or "MatMul" && !readers.Any(r => _nodes.ContainsKey(r.Name)))
            {
                continue;
            }

            string parameters = output;
            if (_nodes[node.Name] is OperatorRole.SameParameters)
            {
                parameters = _edges[node.Input(0)];
            }

            _edges[output] = parameters;
        }
    }

    private bool IsFloat(string value) =>
        _graph.Constant(value) is { } constant ? constant.Type is ElementType.Float
        : _values.TryGetValue(value, out ObservedValue? seen) && seen.Type is ElementType.Float;
}
