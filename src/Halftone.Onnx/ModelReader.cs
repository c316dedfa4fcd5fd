using System.Buffers;
using Google.Protobuf;
using Halftone.Onnx.Proto;

namespace Halftone.Onnx;

/// <summary>Reads a model file and refuses what is damaged or hostile, in one sentence.</summary>
internal static class ModelReader
{
    private const int NewestOpset = 1000; // far above any there is; more is damage

    public static Model Read(string path)
    {
        var file = new FileInfo(path);
        if (!file.Exists)
        {
            throw new FileNotFoundException($"There is no model file '{path}'.", path);
        }

        if (file.Length == 0)
        {
            // also devices and pipes, which have no length and might never end
            throw new ModelException($"'{path}' is not an ONNX model: it is empty.");
        }

        if (file.Length > Array.MaxLength)
        {
            throw new ModelException($"'{path}' has {file.Length} bytes; an ONNX file ends at 2 GB. Larger models keep their weights in a file beside it.");
        }

        try
        {
            return Parse(File.ReadAllBytes(path), path, file.DirectoryName, path);
        }
        catch (UnauthorizedAccessException error)
        {
            throw new IOException($"The model file '{path}' cannot be read: {error.Message}", error);
        }
    }

    public static Model Parse(ReadOnlyMemory<byte> bytes, string name, string? folder, string? path)
    {
        try
        {
            ModelProto proto = ParseProto(bytes, name);
            CheckHead(proto, name);
            ExternalData external = new(folder);
            external.BringInside(proto);
            (Dictionary<string, Tensor> initializers, Dictionary<string, TensorProto> extras) = Initializers(proto.Graph, external);
            List<Node> nodes = Nodes(proto.Graph, initializers);
            return Model.Of(proto, new Graph(proto.Graph, nodes, initializers, extras), path);
        }
        catch (ModelException error) when (!error.Message.StartsWith($"'{name}'", StringComparison.Ordinal))
        {
            throw new ModelException($"'{name}': {error.Message}", error);
        }
    }

    private static ModelProto ParseProto(ReadOnlyMemory<byte> bytes, string name)
    {
        if (bytes.IsEmpty)
        {
            throw new ModelException($"'{name}' is not an ONNX model: it is empty.");
        }

        WirePrescan.Check(bytes.Span, name, ModelProto.Descriptor);
        try
        {
            return ModelProto.Parser.ParseFrom(new ReadOnlySequence<byte>(bytes));
        }
        catch (InvalidProtocolBufferException error)
        {
            throw new ModelException($"'{name}' is not an ONNX model, or is damaged: {error.Message}", error);
        }
    }

    private static void CheckHead(ModelProto proto, string name)
    {
        if (proto.Graph is null || proto.Graph.Node.Count + proto.Graph.Output.Count == 0)
        {
            throw new ModelException($"'{name}' is not an ONNX model: it holds no graph.");
        }

        if (proto.Graph.Output.Count == 0)
        {
            throw new ModelException($"'{name}' has no outputs, so it computes nothing.");
        }

        long[] opsets = [.. proto.OpsetImport.Where(o => o.Domain is "" or "ai.onnx").Select(o => o.Version).Distinct()];
        if (opsets.Length > 1 || opsets.Any(v => v is < 1 or > NewestOpset))
        {
            throw new ModelException($"'{name}' imports ONNX operator set {string.Join(" and ", opsets.Take(4))}, which does not exist.");
        }

        if (opsets.Length == 0 && proto.Graph.Node.FirstOrDefault(n => n.Domain is "" or "ai.onnx") is { } node)
        {
            throw new ModelException($"'{name}' does not say which ONNX operator set its nodes belong to, as '{node.Name}' ({node.OpType}) does.");
        }
    }

    private static (Dictionary<string, Tensor> Tensors, Dictionary<string, TensorProto> Extras) Initializers(GraphProto graph, ExternalData external)
    {
        Dictionary<string, Tensor> tensors = [];
        Dictionary<string, TensorProto> extras = [];
        HashSet<string> names = [.. graph.SparseInitializer.Select(s => s.Values?.Name ?? "")];
        List<TensorProto> opaque = [];
        foreach (TensorProto proto in graph.Initializer)
        {
            if (proto.Name.Length == 0)
            {
                throw new ModelException("An initializer has no name, so nothing could read it.");
            }

            if (!names.Add(proto.Name))
            {
                throw new ModelException($"The initializer '{proto.Name}' is defined twice.");
            }

            if (!TensorFormat.HoldsNumbers(proto) && proto.DataLocation != TensorFormat.External)
            {
                opaque.Add(proto); // strings, and types of the future: kept as they are
                continue;
            }

            string name = proto.Name;
            tensors.Add(name, TensorFormat.Read(proto, external));
            TensorFormat.StripUnderstood(proto);
            if (proto.CalculateSize() > 0)
            {
                extras.Add(name, proto);
            }
        }

        graph.Initializer.Clear(); // the payload lives in the tensors now
        graph.Initializer.AddRange(opaque);
        return (tensors, extras);
    }

    private static List<Node> Nodes(GraphProto graph, Dictionary<string, Tensor> initializers)
    {
        HashSet<string> made = [.. initializers.Keys, .. Graph.OpaqueNames(graph)];
        HashSet<string> inputs = [];
        foreach (ValueInfoProto input in graph.Input)
        {
            made.Add(input.Name);
            if (input.Name.Length == 0)
            {
                throw new ModelException("An input of the graph has no name.");
            }

            if (!inputs.Add(input.Name))
            {
                throw new ModelException($"The graph lists the input '{input.Name}' twice.");
            }
        }

        NameNodes(graph);
        List<Node> nodes = new(graph.Node.Count);
        foreach (NodeProto proto in graph.Node)
        {
            if (proto.OpType.Length == 0)
            {
                throw new ModelException($"Node '{proto.Name}' names no operator.");
            }

            if (proto.Output.Count == 0 && (proto.Domain is "" or "ai.onnx"))
            {
                throw new ModelException($"Node '{proto.Name}' ({proto.OpType}) has no output.");
            }

            foreach (string output in proto.Output.Where(o => o.Length > 0))
            {
                if (!made.Add(output))
                {
                    throw new ModelException($"The value '{output}' is made twice, the second time by node '{proto.Name}'.");
                }
            }

            Subgraphs.Check(proto);
            nodes.Add(new Node(proto) { CapturedNames = Subgraphs.Captured(proto) });
        }

        CheckUses(graph, nodes, made);
        return TopologicalOrder.Of(nodes);
    }

    private static void NameNodes(GraphProto graph)
    {
        HashSet<string> taken = [.. graph.Node.Select(n => n.Name)];
        HashSet<string> used = [];
        Dictionary<string, int> next = []; // where the search for a free number goes on, lest it take quadratic time
        for (int place = 0; place < graph.Node.Count; place++)
        {
            NodeProto proto = graph.Node[place];
            if (proto.Name.Length > 0 && used.Add(proto.Name))
            {
                continue;
            }

            string like = proto.Name.Length > 0 ? proto.Name : $"{proto.OpType}_{place}";
            string fresh = like;
            int number = next.GetValueOrDefault(like, 1);
            while (!taken.Add(fresh))
            {
                fresh = $"{like}_{number++}";
            }

            next[like] = number;
            proto.Name = fresh;
            used.Add(fresh);
        }
    }

    private static void CheckUses(GraphProto graph, List<Node> nodes, HashSet<string> made)
    {
        foreach (Node node in nodes)
        {
            foreach (string input in node.Inputs.Concat(node.CapturedNames))
            {
                if (input.Length > 0 && !made.Contains(input))
                {
                    throw new ModelException($"Node '{node.Name}' ({node.Op}) reads '{input}', which nothing makes.");
                }
            }
        }

        HashSet<string> outputs = [];
        foreach (ValueInfoProto output in graph.Output)
        {
            if (output.Name.Length == 0 || !made.Contains(output.Name))
            {
                throw new ModelException($"Nothing makes the output '{output.Name}'.");
            }

            if (!outputs.Add(output.Name))
            {
                throw new ModelException($"The graph lists the output '{output.Name}' twice.");
            }
        }
    }
}
