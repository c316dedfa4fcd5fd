using Halftone.Onnx.Proto;

namespace Halftone.Onnx;

/// <summary>An input or output of a graph, or a value inside it whose type is declared.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">Element type; Undefined for sequences, maps and the like.</param>
/// <param name="Dims">A length, or null where it is symbolic or unknown; null without a shape.</param>
public sealed record ValueInfo(string Name, ElementType Type, IReadOnlyList<long?>? Dims);

/// <summary>The main graph of a model: nodes in topological order, initializers, and indexes of who makes and who reads a name.</summary>
/// <remarks>Edits go through it, so that the indexes stay true; these follow each edit.</remarks>
public sealed class Graph
{
    private readonly GraphProto _proto;
    private readonly List<Node> _nodes;
    private readonly Dictionary<string, Tensor> _initializers;
    private readonly HashSet<string> _outputNames;
    private Dictionary<string, Node>? _producers;
    private Dictionary<string, List<Node>>? _consumers;
    private HashSet<string>? _names;

    /// <param name="proto">The message; of its initializers only those that are kept without being understood.</param>
    /// <param name="nodes">Its nodes, in order.</param>
    /// <param name="initializers">The initializers that are understood.</param>
    /// <param name="extras">What the file says of an initializer besides type, lengths and payload.</param>
    internal Graph(GraphProto proto, List<Node> nodes, Dictionary<string, Tensor> initializers, Dictionary<string, TensorProto> extras)
    {
        _proto = proto;
        _nodes = nodes;
        _initializers = initializers;
        Extras = extras;
        HashSet<string> opaque = [.. OpaqueNames(proto)];
        Inputs = [.. proto.Input.Where(i => !initializers.ContainsKey(i.Name) && !opaque.Contains(i.Name)).Select(Info)];
        Outputs = [.. proto.Output.Select(Info)];
        _outputNames = [.. Outputs.Select(o => o.Name)];
    }

    internal GraphProto Proto => _proto;

    internal Dictionary<string, TensorProto> Extras { get; }

    /// <summary>The inputs a caller feeds: initializers that old files list as inputs are left out.</summary>
    public IReadOnlyList<ValueInfo> Inputs { get; }

    /// <summary>The outputs.</summary>
    public IReadOnlyList<ValueInfo> Outputs { get; private set; }

    /// <summary>Nodes, in topological order.</summary>
    public IReadOnlyList<Node> Nodes => _nodes;

    /// <summary>Constant values by name.</summary>
    public IReadOnlyDictionary<string, Tensor> Initializers => _initializers;

    /// <summary>The node that makes a name, or null for inputs, initializers and unknown names.</summary>
    public Node? Producer(string name) => Producers.GetValueOrDefault(name);

    /// <summary>The nodes that read a name, each once, those whose subgraphs capture it included.</summary>
    public IReadOnlyList<Node> Consumers(string name) =>
        ConsumerIndex.TryGetValue(name, out List<Node>? nodes) ? [.. nodes] : [];

    /// <summary>Whether a name is an output of the graph.</summary>
    public bool IsOutput(string name) => _outputNames.Contains(name);

    /// <summary>The initializer of that name, or null.</summary>
    public Tensor? Constant(string name) => _initializers.GetValueOrDefault(name);

    /// <summary>A name like the one given that is not yet in use, and is from now on.</summary>
    public string FreshName(string like)
    {
        HashSet<string> names = Names;
        string name = like;
        for (int i = 1; !names.Add(name); i++)
        {
            name = $"{like}_{i}";
        }

        return name;
    }

    /// <summary>Adds or replaces an initializer.</summary>
    public void SetConstant(string name, Tensor value)
    {
        _initializers[name] = value;
        _names?.Add(name);
    }

    /// <summary>Adds an initializer under a fresh name like the one given, which is returned.</summary>
    public string AddConstant(string like, Tensor value)
    {
        string name = FreshName(like);
        _initializers[name] = value;
        return name;
    }

    /// <summary>Removes an initializer, and its entry among the inputs of an old file.</summary>
    public void RemoveConstant(string name)
    {
        _initializers.Remove(name);
        Extras.Remove(name);
        if (_proto.Input.FirstOrDefault(i => i.Name == name) is { } input)
        {
            _proto.Input.Remove(input);
        }
    }

    /// <summary>Adds a node; <see cref="Sort"/> puts it in its place.</summary>
    public Node Add(Node node) => Insert(_nodes.Count, node);

    /// <summary>Puts a node where another stands, before it.</summary>
    public Node InsertBefore(Node at, Node node) => Insert(_nodes.IndexOf(at), node);

    /// <summary>Puts a node after another.</summary>
    public Node InsertAfter(Node at, Node node) => Insert(_nodes.IndexOf(at) + 1, node);

    /// <summary>Removes a node; who read its outputs must have been rewired.</summary>
    public void Remove(Node node)
    {
        if (_nodes.Remove(node))
        {
            Unindex(node);
        }
    }

    /// <summary>Removes every node that fits.</summary>
    /// <returns>How many were removed.</returns>
    public int RemoveAll(Predicate<Node> match)
    {
        int count = _nodes.RemoveAll(match);
        (_producers, _consumers) = (null, null);
        return count;
    }

    /// <summary>Sets one input of a node.</summary>
    public void SetInput(Node node, int place, string name) => Edit(node, () =>
    {
        while (node.Proto.Input.Count <= place)
        {
            node.Proto.Input.Add("");
        }

        node.Proto.Input[place] = name;
    });

    /// <summary>Drops the inputs of a node from a place on.</summary>
    public void TrimInputs(Node node, int count) => Edit(node, () =>
    {
        while (node.Proto.Input.Count > count)
        {
            node.Proto.Input.RemoveAt(node.Proto.Input.Count - 1);
        }
    });

    /// <summary>Sets one output of a node.</summary>
    public void SetOutput(Node node, int place, string name) => Edit(node, () => node.Proto.Output[place] = name);

    /// <summary>Makes every reader of one name read another; graph outputs keep their names.</summary>
    public void ReplaceUses(string name, string with)
    {
        foreach (Node node in Consumers(name))
        {
            ReplaceUses(node, name, with);
        }
    }

    /// <summary>Makes one node read another name, its subgraphs included.</summary>
    public void ReplaceUses(Node node, string name, string with) => Edit(node, () =>
    {
        for (int i = 0; i < node.Proto.Input.Count; i++)
        {
            if (node.Proto.Input[i] == name)
            {
                node.Proto.Input[i] = with;
            }
        }

        if (node.CapturedNames.Contains(name))
        {
            Subgraphs.Rename(node, name, with);
            node.CapturedNames = Subgraphs.Captured(node.Proto);
        }
    });

    /// <summary>Makes an inner value an output too, after those that are there; nothing happens where it is one already.</summary>
    /// <param name="name">What a node of this graph makes. Names inside subgraphs cannot be outputs.</param>
    /// <param name="type">Its element type; Undefined leaves it to the runtime, which infers it.</param>
    /// <exception cref="ModelException">No node makes that name.</exception>
    public void ExposeOutput(string name, ElementType type = ElementType.Undefined)
    {
        if (IsOutput(name))
        {
            return;
        }

        if (name.Length == 0 || Producer(name) is null)
        {
            throw new ModelException($"'{name}' cannot become an output: no node of the main graph makes it.");
        }

        _proto.Output.Add(Message(new ValueInfo(name, type, null)));
        Outputs = [.. _proto.Output.Select(Info)];
        _outputNames.Add(name);
    }

    /// <summary>Leaves only some of the outputs; the values of the others stay inner ones. Nodes that nothing needs any more are the runtime's to drop.</summary>
    public void KeepOutputs(IReadOnlySet<string> names)
    {
        foreach (ValueInfoProto output in _proto.Output.Where(o => !names.Contains(o.Name)).ToArray())
        {
            _proto.Output.Remove(output);
        }

        Outputs = [.. _proto.Output.Select(Info)];
        _outputNames.IntersectWith(names);
    }

    /// <summary>Brings the nodes into topological order; nodes that are ready keep their order.</summary>
    /// <exception cref="ModelException">The graph has a cycle.</exception>
    public void Sort()
    {
        List<Node> sorted = TopologicalOrder.Of(_nodes);
        if (!sorted.SequenceEqual(_nodes))
        {
            _nodes.Clear();
            _nodes.AddRange(sorted);
        }
    }

    /// <summary>The declared type of a name, or null where nothing is declared.</summary>
    public ValueInfo? Declared(string name) =>
        _proto.ValueInfo.Concat(_proto.Input).Concat(_proto.Output).FirstOrDefault(v => v.Name == name) is { } v ? Info(v) : null;

    /// <summary>Drops the declared types of inner values, which an edit may have made false.</summary>
    public void ForgetDeclaredTypes() => _proto.ValueInfo.Clear();

    internal static ValueInfo Info(ValueInfoProto proto)
    {
        TypeProto.Types.Tensor? tensor = proto.Type?.TensorType;
        return new ValueInfo(
            proto.Name,
            (ElementType)(tensor?.ElemType ?? 0),
            tensor?.Shape is { } shape ? [.. shape.Dim.Select(d => d.HasDimValue ? d.DimValue : (long?)null)] : null);
    }

    internal static ValueInfoProto Message(ValueInfo info)
    {
        var proto = new ValueInfoProto { Name = info.Name };
        if (info.Type == ElementType.Undefined)
        {
            return proto;
        }

        var tensor = new TypeProto.Types.Tensor { ElemType = (int)info.Type };
        if (info.Dims is { } dims)
        {
            tensor.Shape = new TensorShapeProto();
            foreach (long? length in dims)
            {
                var dim = new TensorShapeProto.Types.Dimension();
                if (length is { } known)
                {
                    dim.DimValue = known;
                }

                tensor.Shape.Dim.Add(dim);
            }
        }

        proto.Type = new TypeProto { TensorType = tensor };
        return proto;
    }

    private Dictionary<string, Node> Producers => _producers ??= IndexProducers();

    private Dictionary<string, List<Node>> ConsumerIndex => _consumers ??= IndexConsumers();

    private HashSet<string> Names => _names ??=
    [
        .. _nodes.Select(n => n.Name), .. _nodes.SelectMany(n => n.Outputs), .. _nodes.SelectMany(n => n.Inputs), .. _nodes.SelectMany(n => Subgraphs.AllNames(n.Proto)),
        .. _initializers.Keys, .. OpaqueNames(_proto), .. Inputs.Select(i => i.Name), .. Outputs.Select(o => o.Name), "",
    ];

    /// <summary>Puts other nodes in place of all.</summary>
    internal void ReplaceNodes(IEnumerable<Node> nodes)
    {
        Node[] all = [.. nodes];
        _nodes.Clear();
        _nodes.AddRange(all);
        (_producers, _consumers) = (null, null);
    }

    /// <summary>Initializers that are kept without being understood: strings, sparse ones, types of the future.</summary>
    internal static IEnumerable<string> OpaqueNames(GraphProto proto) =>
        proto.Initializer.Select(i => i.Name).Concat(proto.SparseInitializer.Select(s => s.Values?.Name ?? ""));

    private Node Insert(int place, Node node)
    {
        _nodes.Insert(place, node);
        Index(node);
        return node;
    }

    // The indexes follow each edit: made anew after every one, they would make a pass quadratic.
    private void Edit(Node node, Action change)
    {
        Unindex(node);
        change();
        Index(node);
    }

    private void Index(Node node)
    {
        _names?.UnionWith([node.Name, .. node.Inputs, .. node.Outputs, .. Subgraphs.AllNames(node.Proto)]);
        foreach (string output in node.Outputs)
        {
            if (output.Length > 0 && _producers is not null)
            {
                _producers[output] = node;
            }
        }

        if (_consumers is { } index)
        {
            foreach (string input in Read(node))
            {
                (index.TryGetValue(input, out List<Node>? list) ? list : index[input] = []).Add(node);
            }
        }
    }

    private void Unindex(Node node)
    {
        foreach (string output in node.Outputs)
        {
            if (_producers?.GetValueOrDefault(output) == node)
            {
                _producers.Remove(output);
            }
        }

        if (_consumers is { } index)
        {
            foreach (string input in Read(node))
            {
                index.GetValueOrDefault(input)?.Remove(node);
            }
        }
    }

    private static IEnumerable<string> Read(Node node) => node.Inputs.Concat(node.CapturedNames).Where(i => i.Length > 0).Distinct();

    private Dictionary<string, Node> IndexProducers()
    {
        Dictionary<string, Node> index = [];
        foreach (Node node in _nodes)
        {
            foreach (string output in node.Outputs.Where(o => o.Length > 0))
            {
                index[output] = node;
            }
        }

        return index;
    }

    private Dictionary<string, List<Node>> IndexConsumers()
    {
        Dictionary<string, List<Node>> index = [];
        foreach (Node node in _nodes)
        {
            foreach (string input in Read(node))
            {
                (index.TryGetValue(input, out List<Node>? list) ? list : index[input] = []).Add(node);
            }
        }

        return index;
    }
}
