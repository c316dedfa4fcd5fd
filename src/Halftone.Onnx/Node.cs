using System.Collections.Immutable;
using Google.Protobuf;
using Halftone.Onnx.Proto;

namespace Halftone.Onnx;

/// <summary>An operator of a graph. Its inputs and outputs are names; "" is an input left out. Change it through its <see cref="Graph"/>, which keeps the indexes.</summary>
public sealed class Node
{
    internal Node(NodeProto proto) => Proto = proto;

    /// <summary>A new node.</summary>
    /// <param name="name">Unique in its graph.</param>
    /// <param name="op">Operator type.</param>
    /// <param name="inputs">Names; "" for one left out.</param>
    /// <param name="outputs">Names.</param>
    /// <param name="domain">"" for ONNX's own.</param>
    public Node(string name, string op, IEnumerable<string> inputs, IEnumerable<string> outputs, string domain = "")
    {
        Proto = new NodeProto { Name = name, OpType = op };
        if (domain.Length > 0)
        {
            Proto.Domain = domain;
        }

        Proto.Input.AddRange(inputs);
        Proto.Output.AddRange(outputs);
    }

    internal NodeProto Proto { get; }

    /// <summary>Its name; unique in the graph (the loader names nameless nodes).</summary>
    public string Name => Proto.Name;

    /// <summary>Operator type: Conv, Gemm, ...</summary>
    public string Op => Proto.OpType;

    /// <summary>"" for ONNX's own operators ("ai.onnx" is read as that).</summary>
    public string Domain => Proto.Domain == "ai.onnx" ? "" : Proto.Domain;

    /// <summary>Names of the inputs.</summary>
    public IReadOnlyList<string> Inputs => Proto.Input;

    /// <summary>Names of the outputs.</summary>
    public IReadOnlyList<string> Outputs => Proto.Output;

    /// <summary>Names of the attributes.</summary>
    public IEnumerable<string> AttributeNames => Proto.Attribute.Select(a => a.Name);

    /// <summary>Names that its subgraphs (If, Loop, Scan) take from outside.</summary>
    public ImmutableArray<string> CapturedNames { get; internal set; } = [];

    /// <summary>The nodes inside its subgraphs (If, Loop, Scan), at every depth: to look at, not to change.</summary>
    public IEnumerable<Node> InnerNodes => Subgraphs.Nodes(Proto).Select(n => new Node(n));

    /// <summary>The constants inside its subgraphs, at every depth, less those of strings.</summary>
    /// <exception cref="ModelException">One of them is damaged.</exception>
    public IEnumerable<Tensor> InnerConstants => Subgraphs.Constants(Proto).Where(TensorFormat.HoldsNumbers).Select(t => TensorFormat.Read(t, new ExternalData(null)));

    /// <summary>Whether it is that operator of ONNX's own domain.</summary>
    public bool Is(string op) => Op == op && Domain.Length == 0;

    /// <summary>The input at a place, or "" where there are fewer.</summary>
    public string Input(int place) => place < Proto.Input.Count ? Proto.Input[place] : "";

    /// <summary>The output at a place, or "" where there are fewer.</summary>
    public string Output(int place) => place < Proto.Output.Count ? Proto.Output[place] : "";

    /// <summary>Whether the attribute is there.</summary>
    public bool Has(string attribute) => Find(attribute) is not null;

    /// <summary>An integer attribute, or the default.</summary>
    public long Int(string attribute, long missing) => Find(attribute) is { } a ? a.I : missing;

    /// <summary>A float attribute, or the default.</summary>
    public float Float(string attribute, float missing) => Find(attribute) is { } a ? a.F : missing;

    /// <summary>A string attribute, or the default.</summary>
    public string Text(string attribute, string missing) => Find(attribute) is { } a ? a.S.ToStringUtf8() : missing;

    /// <summary>An integer list attribute, or null.</summary>
    public long[]? Ints(string attribute) => Find(attribute) is { } a ? [.. a.Ints] : null;

    /// <summary>A float list attribute, or null.</summary>
    public float[]? Floats(string attribute) => Find(attribute) is { } a ? [.. a.Floats] : null;

    /// <summary>A tensor attribute, or null; null too where it holds strings, or a type of the future.</summary>
    /// <exception cref="ModelException">It is damaged.</exception>
    public Tensor? TensorAttribute(string attribute)
    {
        try
        {
            return Find(attribute) is { T: { } t } && TensorFormat.HoldsNumbers(t) ? TensorFormat.Read(t, new ExternalData(null)) : null;
        }
        catch (ModelException error)
        {
            throw new ModelException($"Attribute '{attribute}' of node '{Name}' ({Op}) is damaged: {error.Message}", error);
        }
    }

    /// <summary>Sets an integer attribute.</summary>
    public Node With(string attribute, long value) => Set(attribute, 2, a => a.I = value);

    /// <summary>Sets a float attribute.</summary>
    public Node With(string attribute, float value) => Set(attribute, 1, a => a.F = value);

    /// <summary>Sets a string attribute.</summary>
    public Node With(string attribute, string value) => Set(attribute, 3, a => a.S = ByteString.CopyFromUtf8(value));

    /// <summary>Sets an integer list attribute.</summary>
    public Node With(string attribute, IEnumerable<long> values) => Set(attribute, 7, a => a.Ints.AddRange(values));

    /// <summary>Sets a subgraph attribute (a branch of If, the body of Loop or Scan): the main graph of a model; names it does not define are taken from outside.</summary>
    /// <exception cref="ModelException">The graph is over 2 GB.</exception>
    public Node With(string attribute, Model body)
    {
        GraphProto graph = ModelWriter.ToProto(body).Graph;
        Set(attribute, 5, a => a.G = graph);
        CapturedNames = Subgraphs.Captured(Proto);
        return this;
    }

    /// <summary>Removes an attribute.</summary>
    public Node Without(string attribute)
    {
        if (Find(attribute) is { } a)
        {
            Proto.Attribute.Remove(a);
        }

        return this;
    }

    /// <summary>Copies all attributes of another node.</summary>
    public Node WithAttributesOf(Node other)
    {
        Proto.Attribute.AddRange(other.Proto.Attribute.Select(a => a.Clone()));
        CapturedNames = other.CapturedNames;
        return this;
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Op} '{Name}'";

    internal AttributeProto? Find(string attribute) => Proto.Attribute.FirstOrDefault(a => a.Name == attribute);

    private Node Set(string attribute, int type, Action<AttributeProto> set)
    {
        Without(attribute);
        var a = new AttributeProto { Name = attribute, Type = type };
        set(a);
        Proto.Attribute.Add(a);
        return this;
    }
}
