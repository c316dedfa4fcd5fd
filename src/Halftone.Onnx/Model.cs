using Google.Protobuf;
using Halftone.Onnx.Opsets;
using Halftone.Onnx.Proto;

namespace Halftone.Onnx;

/// <summary>An ONNX model: its graph, operator sets and metadata. What Halftone does not know is kept and written back.</summary>
public sealed class Model
{
    private readonly ModelProto _proto;

    private Model(ModelProto proto, Graph graph, string? path)
    {
        _proto = proto;
        Graph = graph;
        Path = path;
    }

    /// <summary>The file it was read from, or null.</summary>
    public string? Path { get; }

    /// <summary>The main graph.</summary>
    public Graph Graph { get; }

    /// <summary>Version of the file format.</summary>
    public long IrVersion
    {
        get => _proto.IrVersion;
        set => _proto.IrVersion = value;
    }

    /// <summary>Version of ONNX's own operator set.</summary>
    public int Opset
    {
        get => (int)OpsetOf("");
        set => SetOpset("", value);
    }

    /// <summary>Domains of local functions and operator sets it imports.</summary>
    public IEnumerable<string> Domains => _proto.OpsetImport.Select(o => o.Domain);

    /// <summary>Whether it defines functions of its own.</summary>
    public bool HasFunctions => _proto.Functions.Count > 0;

    /// <summary>Who wrote it.</summary>
    public string Producer => _proto.ProducerName;

    /// <summary>Metadata, by key.</summary>
    public IReadOnlyDictionary<string, string> Metadata =>
        _proto.MetadataProps.GroupBy(p => p.Key).ToDictionary(g => g.Key, g => g.Last().Value);

    /// <summary>Version of an imported operator set; 0 where it is not imported.</summary>
    public long OpsetOf(string domain) =>
        _proto.OpsetImport.FirstOrDefault(o => Normal(o.Domain) == domain)?.Version ?? 0;

    /// <summary>Imports an operator set, or changes its version.</summary>
    public void SetOpset(string domain, long version)
    {
        OperatorSetIdProto[] imports = [.. _proto.OpsetImport.Where(o => Normal(o.Domain) == domain)];
        foreach (OperatorSetIdProto import in imports)
        {
            import.Version = version; // ONNX's own may stand there under both of its names
        }

        if (imports.Length == 0)
        {
            _proto.OpsetImport.Add(new OperatorSetIdProto { Domain = domain, Version = version });
        }
    }

    /// <summary>Sets a metadata entry.</summary>
    public void SetMetadata(string key, string value)
    {
        foreach (StringStringEntryProto old in _proto.MetadataProps.Where(p => p.Key == key).ToArray())
        {
            _proto.MetadataProps.Remove(old);
        }

        _proto.MetadataProps.Add(new StringStringEntryProto { Key = key, Value = value });
    }

    /// <summary>Reads a model file. Payloads in external files stay there, mapped, until they are needed.</summary>
    /// <exception cref="ModelException">The file is not a model, damaged, or hostile.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static Model Load(string path) => ModelReader.Read(path);

    /// <summary>Reads a model from memory; external data is refused.</summary>
    /// <exception cref="ModelException">The bytes are not a model.</exception>
    public static Model Parse(ReadOnlyMemory<byte> bytes, string name = "model") => ModelReader.Parse(bytes, name, folder: null, path: null);

    /// <summary>A model without nodes, to be filled through its graph: nodes with <see cref="Graph.Add"/>, constants with <see cref="Graph.SetConstant"/>.</summary>
    /// <param name="opset">Version of ONNX's own operator set; the file format is the oldest that goes with it.</param>
    /// <param name="inputs">Inputs; a type is needed.</param>
    /// <param name="outputs">Outputs; runtimes infer a type left out.</param>
    public static Model Create(int opset, IEnumerable<ValueInfo> inputs, IEnumerable<ValueInfo> outputs)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(opset, 1);
        var graph = new GraphProto { Name = "graph" };
        graph.Input.AddRange(inputs.Select(Graph.Message));
        graph.Output.AddRange(outputs.Select(Graph.Message));
        var proto = new ModelProto { IrVersion = OldestFormat(opset), ProducerName = "halftone", Graph = graph };
        proto.OpsetImport.Add(new OperatorSetIdProto { Domain = "", Version = opset });
        return new Model(proto, new Graph(graph, [], [], []), path: null);
    }

    /// <summary>An independent copy; payloads, which never change, are shared.</summary>
    public Model Clone()
    {
        _proto.Graph = ModelWriter.GraphWithoutPayload(Graph);
        ModelProto proto = _proto.Clone();
        List<Node> nodes = [.. proto.Graph.Node.Select(n => new Node(n) { CapturedNames = Subgraphs.Captured(n) })];
        return new Model(proto, new Graph(proto.Graph, nodes, new(Graph.Initializers), new(Graph.Extras)), Path);
    }

    /// <summary>Writes the model, whole or not at all. Over 2 GB, or where asked, payloads go to one file beside it.</summary>
    /// <exception cref="IOException">The file cannot be written; nothing is left behind, and what stood there before still does.</exception>
    public void Save(string path, bool externalData = false) => ModelWriter.Write(this, path, externalData);

    /// <summary>Writes the file's bytes; of a model over 2 GB, those of the model and then those of its payloads.</summary>
    public void WriteTo(Stream stream) => ModelWriter.WriteTo(this, stream);

    /// <summary>The file's bytes.</summary>
    /// <exception cref="ModelException">Over 2 GB.</exception>
    public byte[] ToBytes() => ModelWriter.ToProto(this).ToByteArray();

    internal static Model Of(ModelProto proto, Graph graph, string? path) => new(proto, graph, path);

    internal ModelProto Proto => _proto;

    // Before format 4 constants must be listed among the inputs, which nothing here does.
    internal static int OldestFormat(int opset) => Math.Max(4, OpsetUpgrade.LowestIr(opset));

    private static string Normal(string domain) => domain == "ai.onnx" ? "" : domain;
}
