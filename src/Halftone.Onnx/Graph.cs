using Halftone.Onnx.Proto;

namespace Halftone.Onnx;

/// <summary>An input or output of a graph, or a value inside it whose type is declared.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">Element type; Undefined for sequences, maps and the like.</param>
/// <param name="Dims">A length, or null where it is symbolic or unknown; null without a shape.</param>
public sealed record ValueInfo(string Name, ElementType Type, IReadOnlyList<long?>? Dims);

/// <summary>The main graph of a model: nodes in topological order, initializers, and indexes of who makes and who reads a name.</summary>
/// <remarks>Edits go through it, so that the indexes stay true; they are made anew when next asked for.</remarks>
public sealed class Graph
{
    private readonly GraphProto _proto;
    private readonly List<Node> _nodes;
    private readonly Dictionary<string, Tensor> _initializers;
    private Dictionary<string, Node>? _producers;
    private Dictionary<string, List<Node>>? _consumers;
    private HashSet<string>? _names;

    internal Graph(GraphProto proto, List<Node> nodes, Dictionary<string, Tensor> initializers)
    {
        _proto = proto;
        _nodes = nodes;
        _initializers = initializers;
        Inputs = [.. proto.Input.Where(i => !initializers.ContainsKey(i.Name)).Select(Info)];
        Outputs = [.. proto.Output.Select(Info)];
    }

    internal GraphProto Proto => _proto;

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
        ConsumerIndex.TryGetValue(name, out List<Node>? nodes) ? nodes : [];

    /// <summary>Whether a name is an output of the graph.</summary>
    public bool IsOutput(string name) => Outputs.Any(o => o.Name == name);

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
        if (_proto.Input.FirstOrDefault(i => i.Name == name) is { } input)
        {
            _proto.Input.Remove(input);
        }
    }

    /// <summary>Adds a node; <see cref="Sort"/> puts it in its place.</summary>
    public Node Add(Node node)
    {
        _nodes.Add(node);
        return Added(node);
    }

    /// <summary>Puts a node where another stands, before it.</summary>
    public Node InsertBefore(Node at, Node node)
    {
        _nodes.Insert(_nodes.IndexOf(at), node);
        return Added(node);
    }

    /// <summary>Puts a node after another.</summary>
    public Node InsertAfter(Node at, Node node)
    {
        _nodes.Insert(_nodes.IndexOf(at) + 1, node);
        return Added(node);
    }

    /// <summary>Removes a node; who read its outputs must have been rewired.</summary>
    public void Remove(Node node)
    {
        _nodes.Remove(node);
        Changed();
    }

    /// <summary>Removes every node that fits.</summary>
    /// <returns>How many were removed.</returns>
    public int RemoveAll(Predicate<Node> match)
    {
        int count = _nodes.RemoveAll(match);
        Changed();
        return count;
    }

    /// <summary>Sets one input of a node.</summary>
    public void SetInput(Node node, int place, string name)
    {
        while (node.Proto.Input.Count <= place)
        {
            node.Proto.Input.Add("");
        }

        node.Proto.Input[place] = name;
        Changed();
    }

    /// <summary>Drops the inputs of a node from a place on.</summary>
    public void TrimInputs(Node node, int count)
    {
        while (node.Proto.Input.Count > count)
        {
            node.Proto.Input.RemoveAt(node.Proto.Input.Count - 1);
        }

        Changed();
    }

    /// <summary>Sets one output of a node.</summary>
    public void SetOutput(Node node, int place, string name)
    {
        node.Proto.Output[place] = name;
        Changed();
    }

    /// <summary>Makes every reader of one name read another; graph outputs keep their names.</summary>
    public void ReplaceUses(string name, string with)
    {
        foreach (Node node in Consumers(name).ToArray())
        {
            ReplaceUses(node, name, with);
        }
    }

    /// <summary>Makes one node read another name, its subgraphs included.</summary>
    public void ReplaceUses(Node node, string name, string with)
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

        Changed();
    }

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
    }

    /// <summary>Brings the nodes into topological order; nodes that are ready keep their order.</summary>
    /// <exception cref="ModelException">The graph has a cycle.</exception>
    public void Sort()
    {
        List<Node> sorted = TopologicalOrder.Of(_nodes);
        _nodes.Clear();
        _nodes.AddRange(sorted);
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
        .. _initializers.Keys, .. Inputs.Select(i => i.Name), .. Outputs.Select(o => o.Name), "",
    ];

    private void Changed() => (_producers, _consumers) = (null, null);

    // its names are in use now, so that no fresh name is the same
    private Node Added(Node node)
    {
        _names?.UnionWith([node.Name, .. node.Inputs, .. node.Outputs, .. Subgraphs.AllNames(node.Proto)]);
        Changed();
        return node;
    }

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
            foreach (string input in node.Inputs.Concat(node.CapturedNames).Where(i => i.Length > 0).Distinct())
            {
                (index.TryGetValue(input, out List<Node>? list) ? list : index[input] = []).Add(node);
            }
        }

        return index;
    }
}
