using Halftone.Onnx;
using Halftone.Onnx.Passes;

namespace Halftone.PostTraining.Equalization;

/// <summary>Which channels of a graph may be scaled together, and the constants that a scale goes into.</summary>
/// <remarks>
/// A channel starts at the output of a layer or a normalization, and goes on through every function with f(s x) = s f(x) for s > 0. Its scale multiplies the constants that make it
/// and those added or compared on the way, and divides the weights that read it. Channels that anything else reads are fixed: their scale is 1.
/// </remarks>
internal sealed class ChannelMap
{
    private readonly Graph _graph;
    private readonly PassContext _context;
    private readonly bool _shared;
    private readonly List<int> _parent = [];
    private readonly List<bool> _fixed = [];
    private readonly Dictionary<string, ChannelsOfValue> _values = [];

    private ChannelMap(Graph graph, PassContext context, bool shared) => (_graph, _context, _shared) = (graph, context, shared);

    /// <summary>Constants that a scale multiplies.</summary>
    public List<ChannelSite> Scaled { get; } = [];

    /// <summary>Weights that it divides.</summary>
    public List<ChannelSite> Divided { get; } = [];

    /// <summary>Values with channels, in the graph's order.</summary>
    public IReadOnlyDictionary<string, ChannelsOfValue> Values => _values;

    /// <summary>Channels, tied ones counted apart.</summary>
    public int Count => _parent.Count;

    /// <summary>The map of a graph in topological order.</summary>
    /// <param name="graph">The graph, after <see cref="StandardPasses"/>.</param>
    /// <param name="context">Knows lengths.</param>
    /// <param name="shared">Whether values that are added share one scale, and concatenated ones keep theirs; otherwise both are fixed.</param>
    public static ChannelMap Of(Graph graph, PassContext context, bool shared)
    {
        var map = new ChannelMap(graph, context, shared);
        foreach (Node node in graph.Nodes)
        {
            map.Read(node);
            foreach (string captured in node.CapturedNames)
            {
                map.Fix(captured);
            }
        }

        foreach (ValueInfo output in graph.Outputs)
        {
            map.Fix(output.Name);
        }

        return map;
    }

    /// <summary>The channel that stands for those tied to it.</summary>
    public int Root(int id)
    {
        while (_parent[id] != id)
        {
            id = _parent[id] = _parent[_parent[id]];
        }

        return id;
    }

    /// <summary>Whether its scale must be 1.</summary>
    public bool IsFixed(int id) => _fixed[Root(id)];

    /// <summary>Pairs of layers of which the second alone reads what the first alone makes.</summary>
    public IEnumerable<EqualizedPair> Pairs()
    {
        ILookup<int, ChannelSite> makers = Scaled.Where(s => s.Role is not ChannelRole.Shift).SelectMany(s => s.Ids.Distinct().Select(id => (Root(id), s))).ToLookup(s => s.Item1, s => s.s);
        ILookup<int, ChannelSite> readers = Divided.SelectMany(s => s.Ids.Distinct().Select(id => (Root(id), s))).ToLookup(s => s.Item1, s => s.s);
        foreach (ChannelSite first in Scaled.Where(s => s.Role is ChannelRole.Weight))
        {
            ChannelSite? second = readers[Root(first.Ids[0])].FirstOrDefault();
            if (second is not null && first.Ids.All(id => !IsFixed(id) && makers[Root(id)].Count() == 1 && readers[Root(id)].SequenceEqual([second])))
            {
                yield return new(first, second, [.. _values.Where(v => v.Value.Ids.Contains(first.Ids[0])).Select(v => v.Key)]);
            }
        }
    }

    private void Read(Node node)
    {
        if (node.Domain.Length > 0)
        {
            FixInputs(node);
            return;
        }

        switch (node.Op)
        {
            case "Conv" or "ConvTranspose" or "Gemm" or "MatMul":
                ReadLayer(node);
                break;
            case "Relu" or "LeakyRelu" or "Identity" or "MaxPool" or "AveragePool" or "GlobalAveragePool" or "GlobalMaxPool" or "Dropout" when node.Outputs.Skip(1).All(o => o.Length == 0):
            case "PRelu" when _graph.Constant(node.Input(1)) is not null:
                Pass(node, At(node));
                break;
            case "LayerNormalization" or "RMSNormalization" when node.Int("axis", -1) == -1:
                Normalize(node, [1, 2], -1);
                break;
            case "BatchNormalization" when node.Int("training_mode", 0) == 0:
            case "InstanceNormalization":
                Normalize(node, [1, 2], 1);
                break;
            case "Add" or "Sub" or "Mul" or "Min" or "Max" when node.Inputs.Count == 2 && Operand(node) is var operand and >= 0:
                ReadOperand(node, operand);
                break;
            case "Add" when _shared && node.Inputs.Count == 2:
                Tie(node);
                break;
            case "Concat" when _shared:
                Join(node);
                break;
            default:
                Pass(node, At(node) is { } at ? ChannelLayout.Through(_graph, node, at, _context) : null);
                break;
        }
    }

    private ChannelsOfValue? At(Node node) => _values.GetValueOrDefault(node.Input(0));

    // the layout of the output, or null where the scale does not get through
    private void Pass(Node node, ChannelsOfValue? output)
    {
        if (output is null)
        {
            FixInputs(node);
            return;
        }

        _values[node.Outputs[0]] = output;
        foreach (string other in node.Inputs.Skip(1).Where(i => i.Length > 0))
        {
            Fix(other);
        }
    }

    private void ReadLayer(Node node)
    {
        LinearLayer? layer = LinearLayer.Of(_graph, node);
        if (layer is null)
        {
            FixInputs(node);
            return;
        }

        if (At(node) is { } input)
        {
            int[]? ids = node.Int("transA", 0) == 0 && layer.ReadsAxis(input.Axis, input.Rank) ? input.Spread(layer.Inputs) : null;
            if (ids is null)
            {
                Fix(node.Input(0));
            }
            else
            {
                Divided.Add(layer.InputSite(ids));
            }
        }

        if (!layer.OwnsBias(_graph))
        {
            return;
        }

        int[] made = Fresh(layer.Outputs);
        Scaled.Add(layer.OutputSite(made));
        if (node.Input(2).Length > 0)
        {
            Scaled.Add(new(node, node.Input(2), ChannelRole.Shift, 1, layer.Outputs, layer.Outputs, made));
        }

        int rank = node.Op is "MatMul" ? _context.Lengths(node.Outputs[0])?.Count ?? -1 : layer.Weight.Dims.Length;
        _values[node.Outputs[0]] = new(made, node.Op is "MatMul" ? rank < 0 ? -1 : rank - 1 : 1, rank);
    }

    private void Normalize(Node node, int[] places, int axis)
    {
        FixInputs(node);
        int[] given = [.. places.Where(p => node.Input(p).Length > 0)];
        if (!given.Contains(1) || !given.All(p => LinearLayer.Owns(_graph, node, p) && _graph.Constant(node.Input(p))!.Dims is [var n] && n == _graph.Constant(node.Input(1))!.Count))
        {
            return;
        }

        int[] ids = Fresh((int)_graph.Constant(node.Input(1))!.Count);
        foreach (int place in given)
        {
            Scaled.Add(new(node, node.Input(place), place == 1 ? ChannelRole.Norm : ChannelRole.Shift, 1, ids.Length, ids.Length, ids));
        }

        int rank = _context.Lengths(node.Outputs[0])?.Count ?? -1;
        _values[node.Outputs[0]] = new(ids, axis < 0 && rank > 0 ? rank - 1 : axis, rank);
    }

    // the place of a constant operand, or -1
    private int Operand(Node node) => _graph.Constant(node.Input(1)) is { Type: ElementType.Float } ? 1 : _graph.Constant(node.Input(0)) is { Type: ElementType.Float } && !node.Is("Sub") ? 0 : -1;

    private void ReadOperand(Node node, int place)
    {
        string value = node.Input(1 - place);
        Tensor constant = _graph.Constant(node.Input(place))!;
        ChannelsOfValue? at = _values.GetValueOrDefault(value);
        bool single = constant.Count == 1 && constant.Dims.Length <= 1;
        if (at is null)
        {
            if (node.Is("Mul") && !single && constant.Count > 0 && constant.Dims[^1] == constant.Count && LinearLayer.Owns(_graph, node, place))
            {
                StartAtMul(node, place, constant);
            }

            return;
        }

        if ((node.Is("Mul") && (single || at.Fits(constant))) || (single && constant.ToFloats()[0] == 0))
        {
            _values[node.Outputs[0]] = at;
        }
        else if (!node.Is("Mul") && at.Fits(constant) && constant.Count > 0 && LinearLayer.Owns(_graph, node, place))
        {
            Scaled.Add(new(node, node.Input(place), ChannelRole.Shift, 1, at.Ids.Length, at.Ids.Length, at.Ids));
            _values[node.Outputs[0]] = at;
        }
        else
        {
            Fix(value);
        }
    }

    // the last step of a normalization written out: what it multiplies has no channels of its own
    private void StartAtMul(Node node, int place, Tensor constant)
    {
        int rank = _context.Lengths(node.Outputs[0])?.Count ?? -1;
        if (rank >= 0 && rank < constant.Dims.Length)
        {
            return;
        }

        int[] ids = Fresh((int)constant.Count);
        Scaled.Add(new(node, node.Input(place), ChannelRole.Norm, 1, ids.Length, ids.Length, ids));
        _values[node.Outputs[0]] = new(ids, rank < 0 ? -1 : rank - 1, rank);
    }

    private void Tie(Node node)
    {
        if (_values.GetValueOrDefault(node.Input(0)) is { } a && _values.GetValueOrDefault(node.Input(1)) is { } b
            && a.Ids.Length == b.Ids.Length && a.Axis == b.Axis && a.Rank == b.Rank && !a.IsOpen && !b.IsOpen)
        {
            for (int i = 0; i < a.Ids.Length; i++)
            {
                (int x, int y) = (Root(a.Ids[i]), Root(b.Ids[i]));
                (_fixed[x], _parent[y]) = (_fixed[x] || _fixed[y], x);
            }

            _values[node.Outputs[0]] = a;
            return;
        }

        FixInputs(node);
    }

    private void Join(Node node)
    {
        ChannelsOfValue?[] parts = [.. node.Inputs.Select(i => _values.GetValueOrDefault(i))];
        if (parts is [{ } first, ..] && parts.All(p => p is { IsOpen: false } && p.Axis == first.Axis && p.Rank == first.Rank)
            && (node.Int("axis", 0) is var axis && (axis == first.Axis || (first.Rank > 0 && axis + first.Rank == first.Axis))))
        {
            _values[node.Outputs[0]] = first with { Ids = [.. parts.SelectMany(p => p!.Ids)] };
            return;
        }

        FixInputs(node);
    }

    private int[] Fresh(int count)
    {
        int from = _parent.Count;
        int[] ids = [.. Enumerable.Range(from, count)];
        _parent.AddRange(ids);
        _fixed.AddRange(Enumerable.Repeat(false, count));
        return ids;
    }

    private void FixInputs(Node node)
    {
        foreach (string input in node.Inputs)
        {
            Fix(input);
        }
    }

    private void Fix(string value)
    {
        if (_values.TryGetValue(value, out ChannelsOfValue? at))
        {
            foreach (int id in at.Ids)
            {
                _fixed[Root(id)] = true;
            }
        }
    }
}
