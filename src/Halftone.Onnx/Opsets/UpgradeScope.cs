using Google.Protobuf.Collections;
using Halftone.Onnx.Proto;

namespace Halftone.Onnx.Opsets;

/// <summary>The graph, or the graph inside an If, Loop or Scan, whose nodes are being upgraded.</summary>
internal sealed class UpgradeScope
{
    private readonly Graph _graph; // the main graph, whose fresh names are fresh everywhere
    private readonly GraphProto? _inner;
    private readonly UpgradeScope? _outer;
    private readonly Dictionary<string, Node> _producers = [];

    private UpgradeScope(Graph graph, GraphProto? inner, UpgradeScope? outer, IEnumerable<Node> nodes, int from, int target)
    {
        _graph = graph;
        _inner = inner;
        _outer = outer;
        From = from;
        Target = target;
        foreach (Node node in nodes)
        {
            foreach (string output in node.Outputs)
            {
                _producers[output] = node;
            }
        }
    }

    /// <summary>The operator set that the node being rewritten was written for.</summary>
    public int From { get; }

    /// <summary>The operator set that the whole upgrade goes to.</summary>
    public int Target { get; }

    /// <summary>The scope of the main graph.</summary>
    public static UpgradeScope Main(Graph graph, int from, int target) => new(graph, null, null, graph.Nodes, from, target);

    /// <summary>The scope of a graph inside this one.</summary>
    public UpgradeScope Inside(GraphProto graph, IEnumerable<Node> nodes) => new(_graph, graph, this, nodes, From, Target);

    /// <summary>A name not yet in use in any graph.</summary>
    public string Fresh(string like) => _graph.FreshName(like);

    /// <summary>Adds an initializer to this graph and returns its name.</summary>
    public string Constant(string like, Tensor value)
    {
        if (_inner is null)
        {
            return _graph.AddConstant(like, value);
        }

        string name = Fresh(like);
        _inner.Initializer.Add(TensorFormat.Write(name, value));
        return name;
    }

    /// <summary>Adds 64-bit integers, one-dimensional.</summary>
    public string Integers(string like, params long[] values) => Constant(like, Tensor.Of(values, values.Length));

    /// <summary>Whether a node of this graph, or a graph inside it, reads a name, or it is an output.</summary>
    public bool IsRead(string name) => name.Length > 0 && (_inner is null
        ? _graph.IsOutput(name) || _graph.Consumers(name).Count > 0
        : _inner.Output.Any(o => o.Name == name) || _inner.Node.Any(n => n.Input.Contains(name) || Subgraphs.Captured(n).Contains(name)));

    /// <summary>The value of a name that is constant, or null.</summary>
    public Tensor? ValueOf(string name)
    {
        if (_producers.TryGetValue(name, out Node? node))
        {
            return node.Is("Constant") ? node.TensorAttribute("value") : null;
        }

        if (_inner is null)
        {
            return _graph.Constant(name);
        }

        RepeatedField<TensorProto> initializers = _inner.Initializer;
        return initializers.FirstOrDefault(i => i.Name == name) is { } proto ? (TensorFormat.HoldsNumbers(proto) ? TensorFormat.Read(proto, new ExternalData(null)) : null)
            : _inner.Input.Any(i => i.Name == name) ? null : _outer!.ValueOf(name);
    }

    /// <summary>The number of dimensions of a value where the graph itself shows it, or null.</summary>
    public int? RankOf(string name) => RankOf(name, 32);

    private int? RankOf(string name, int depth)
    {
        if (depth == 0)
        {
            return null;
        }

        if (!_producers.TryGetValue(name, out Node? node))
        {
            return _inner is null ? Initializer(name) ?? Declared(name) : ValueOf(name)?.Dims.Length;
        }

        int? Of(int place) => RankOf(node.Input(place), depth - 1);
        return node.Domain.Length > 0 ? null : node.Op switch
        {
            "Gemm" or "Flatten" => 2,
            "Relu" or "Clip" or "Sigmoid" or "Tanh" or "Dropout" or "Identity" or "LeakyRelu" or "BatchNormalization" or "Softmax" or "Cast" => Of(0),
            "Conv" or "ConvTranspose" => Of(1),
            "GlobalAveragePool" or "GlobalMaxPool" or "AveragePool" or "MaxPool" or "Concat" or "Transpose" => Of(0),
            "Add" or "Sub" or "Mul" or "Div" => Of(0) is { } a && Of(1) is { } b ? Math.Max(a, b) : null,
            "MatMul" => Of(0) is >= 2 and var a && Of(1) is >= 2 and var b ? Math.Max(a, b) : null,
            "Reshape" => ValueOf(node.Input(1)) is { Dims.Length: 1 } shape ? (int)shape.Count : null,
            "Constant" => ValueOf(name)?.Dims.Length,
            _ => null,
        };
    }

    private int? Initializer(string name) => _graph.Constant(name)?.Dims.Length;

    private int? Declared(string name) => _graph.Inputs.FirstOrDefault(i => i.Name == name)?.Dims?.Count;
}
