using Google.Protobuf;
using Halftone.Onnx.Proto;

namespace Halftone.Onnx;

/// <summary>Reads a model file and refuses what is damaged or hostile, in one sentence.</summary>
internal static class ModelReader
{
    public static Model Read(string path)
    {
        var file = new FileInfo(path);
        if (!file.Exists)
        {
            throw new FileNotFoundException($"There is no model file '{path}'.", path);
        }

        if (file.Length > int.MaxValue)
        {
            throw new ModelException($"'{path}' has {file.Length} bytes; an ONNX file ends at 2 GB. Larger models keep their weights in a file beside it.");
        }

        return Parse(File.ReadAllBytes(path), path, file.DirectoryName, path);
    }

    public static Model Parse(ReadOnlyMemory<byte> bytes, string name, string? folder, string? path)
    {
        ModelProto proto;
        try
        {
            proto = ModelProto.Parser.ParseFrom(new System.Buffers.ReadOnlySequence<byte>(bytes));
        }
        catch (InvalidProtocolBufferException error)
        {
            throw new ModelException($"'{name}' is not an ONNX model, or is damaged: {error.Message}", error);
        }

        if (proto.Graph is null || proto.Graph.Node.Count + proto.Graph.Output.Count == 0)
        {
            throw new ModelException($"'{name}' is not an ONNX model: it holds no graph.");
        }

        Dictionary<string, Tensor> initializers = [];
        foreach (TensorProto tensor in proto.Graph.Initializer)
        {
            if (!initializers.TryAdd(tensor.Name, TensorFormat.Read(tensor, folder)))
            {
                throw new ModelException($"'{name}' defines the initializer '{tensor.Name}' twice.");
            }
        }

        proto.Graph.Initializer.Clear(); // the payload lives in the tensors now
        List<Node> nodes = Nodes(proto.Graph, name, initializers);
        return Model.Of(proto, new Graph(proto.Graph, nodes, initializers), path);
    }

    private static List<Node> Nodes(GraphProto graph, string name, Dictionary<string, Tensor> initializers)
    {
        HashSet<string> nodeNames = [.. graph.Node.Select(n => n.Name)];
        HashSet<string> used = [];
        HashSet<string> made = [.. graph.Input.Select(i => i.Name), .. initializers.Keys];
        List<Node> nodes = [];
        foreach (NodeProto proto in graph.Node)
        {
            if (proto.Name.Length == 0 || !used.Add(proto.Name))
            {
                string like = proto.Name.Length > 0 ? proto.Name : $"{proto.OpType}_{nodes.Count}";
                string fresh = like;
                for (int i = 1; !nodeNames.Add(fresh); i++)
                {
                    fresh = $"{like}_{i}";
                }

                proto.Name = fresh;
                used.Add(fresh);
            }

            foreach (string output in proto.Output.Where(o => o.Length > 0))
            {
                if (!made.Add(output))
                {
                    throw new ModelException($"'{name}': the value '{output}' is made twice, the second time by node '{proto.Name}'.");
                }
            }

            nodes.Add(new Node(proto) { CapturedNames = Subgraphs.Captured(proto) });
        }

        foreach (Node node in nodes)
        {
            foreach (string input in node.Inputs.Concat(node.CapturedNames))
            {
                if (input.Length > 0 && !made.Contains(input))
                {
                    throw new ModelException($"'{name}': node '{node.Name}' ({node.Op}) reads '{input}', which nothing makes.");
                }
            }
        }

        foreach (ValueInfoProto output in graph.Output)
        {
            if (!made.Contains(output.Name))
            {
                throw new ModelException($"'{name}': nothing makes the output '{output.Name}'.");
            }
        }

        return TopologicalOrder.Of(nodes);
    }
}
