using Halftone.Onnx;

namespace Halftone.Cli.Inspection;

/// <summary>Which node each constant counts for: its first reader, seen through the nodes that only decode or reorder it.</summary>
internal sealed class ConstantOwners
{
    private readonly Dictionary<Node, (long Parameters, long Bytes)> _owned = [];

    /// <summary>Elements of all constants, those of subgraphs included.</summary>
    public long Parameters { get; private set; }

    /// <summary>Bytes of all constants, those of subgraphs included.</summary>
    public long Bytes { get; private set; }

    /// <summary>Walks a graph.</summary>
    public static ConstantOwners Of(Graph graph)
    {
        ConstantOwners owners = new();
        foreach ((string name, Tensor tensor) in graph.Initializers)
        {
            owners.Add(Reader(graph, name), tensor);
        }

        foreach (Node node in graph.Nodes)
        {
            if (node.Is("Constant") && node.TensorAttribute("value") is { } value)
            {
                owners.Add(Reader(graph, node.Outputs[0]) ?? node, value);
            }

            IEnumerable<Tensor> inner = node.InnerNodes.Where(n => n.Is("Constant")).Select(n => n.TensorAttribute("value")).OfType<Tensor>();
            foreach (Tensor tensor in node.InnerConstants.Concat(inner))
            {
                owners.Add(node, tensor);
            }
        }

        return owners;
    }

    /// <summary>What a group of nodes owns.</summary>
    public (long Parameters, long Bytes) Of(IEnumerable<Node> nodes)
    {
        (long parameters, long bytes) = (0, 0);
        foreach (Node node in nodes)
        {
            (long p, long b) = _owned.GetValueOrDefault(node);
            (parameters, bytes) = (parameters + p, bytes + b);
        }

        return (parameters, bytes);
    }

    private static Node? Reader(Graph graph, string name)
    {
        Node? reader = null;
        for (IReadOnlyList<Node> readers = graph.Consumers(name); readers.Count > 0; readers = graph.Consumers(reader.Outputs[0]))
        {
            reader = readers[0];
            bool decodes = reader.Is("DequantizeLinear") || reader.Is("QuantizeLinear") || reader.Is("Transpose")
                || reader.Is("Reshape") || reader.Is("Cast") || reader.Is("Identity");
            if (!decodes || reader.Outputs.Count == 0 || graph.IsOutput(reader.Outputs[0]))
            {
                break;
            }
        }

        return reader;
    }

    private void Add(Node? owner, Tensor tensor)
    {
        Parameters += tensor.Count;
        Bytes += tensor.ByteLength;
        if (owner is not null)
        {
            (long parameters, long bytes) = _owned.GetValueOrDefault(owner);
            _owned[owner] = (parameters + tensor.Count, bytes + tensor.ByteLength);
        }
    }
}
