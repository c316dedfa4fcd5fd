using Halftone.Onnx;
using Halftone.Onnx.Targets;

namespace Halftone.Cli.Inspection;

/// <summary>One kind of operator in a model.</summary>
/// <param name="Operator">Its type; with its domain where that is not ONNX's own.</param>
/// <param name="Nodes">How many nodes.</param>
/// <param name="Parameters">Constant elements they read; shared ones count at the first reader.</param>
/// <param name="Bytes">What those take.</param>
/// <param name="Share">Bytes over those of all constants, 0 to 1.</param>
/// <param name="Macs">Multiplications for one run; null where shapes are not known.</param>
/// <param name="Precisions">Nodes by the types they compute with.</param>
/// <param name="Role">What quantization means for it on the target asked for; null without one or where it stays float.</param>
internal sealed record OperatorSummary(
    string Operator, int Nodes, long Parameters, long Bytes, double Share, long? Macs, IReadOnlyDictionary<string, int> Precisions, OperatorRole? Role);

/// <summary>An input or output.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">Element type, as ONNX writes it.</param>
/// <param name="Shape">Lengths; null for one that varies.</param>
internal sealed record ValueSummary(string Name, string Type, IReadOnlyList<long?>? Shape);

/// <summary>A node that holds graphs of its own.</summary>
/// <param name="Node">Its name.</param>
/// <param name="Operator">Its type.</param>
/// <param name="Nodes">Nodes inside, at every depth.</param>
/// <param name="Parameters">Constant elements inside.</param>
/// <param name="Captured">Names it takes from outside.</param>
internal sealed record SubgraphSummary(string Node, string Operator, int Nodes, long Parameters, IReadOnlyList<string> Captured);

/// <summary>A node that computes with fewer bits.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Operator">Its type.</param>
/// <param name="Precision">Input and weight types.</param>
internal sealed record QuantizedNode(string Name, string Operator, string Precision);

/// <summary>What a model is made of.</summary>
internal sealed record ModelInspection
{
    public required string File { get; init; }

    public required long FileBytes { get; init; }

    public required long IrVersion { get; init; }

    public required IReadOnlyDictionary<string, long> Opsets { get; init; }

    public required string Producer { get; init; }

    public required IReadOnlyList<ValueSummary> Inputs { get; init; }

    public required IReadOnlyList<ValueSummary> Outputs { get; init; }

    public required int Nodes { get; init; }

    public required long Parameters { get; init; }

    public required long ParameterBytes { get; init; }

    /// <summary>Bytes of constants that lie in files beside the model.</summary>
    public required long ExternalBytes { get; init; }

    public required long? Macs { get; init; }

    public required IReadOnlyList<OperatorSummary> Operators { get; init; }

    public required IReadOnlyList<QuantizedNode> Quantized { get; init; }

    public required IReadOnlyList<SubgraphSummary> Subgraphs { get; init; }

    public required string? Target { get; init; }

    /// <summary>Looks at a model.</summary>
    /// <param name="model">The model.</param>
    /// <param name="shapes">Lengths of every value, from a run; without them nothing is said of multiplications.</param>
    /// <param name="target">Where it is to run, or null.</param>
    public static ModelInspection Of(Model model, IReadOnlyDictionary<string, long[]>? shapes = null, Target? target = null)
    {
        Graph graph = model.Graph;
        ConstantOwners owners = ConstantOwners.Of(graph);
        IReadOnlyDictionary<Node, string> precisions = Precision.OfNodes(graph);
        OperatorSummary[] operators =
        [
            .. graph.Nodes.GroupBy(NameOf)
                .Select(g => Summary(g, owners, precisions, shapes is null ? null : g.Sum(n => MultiplyCount.Of(n, graph, shapes)), target))
                .OrderByDescending(o => o.Bytes).ThenByDescending(o => o.Nodes).ThenBy(o => o.Operator, StringComparer.Ordinal),
        ];
        return new ModelInspection
        {
            File = model.Path ?? "",
            FileBytes = model.Path is null ? 0 : new FileInfo(model.Path).Length,
            IrVersion = model.IrVersion,
            Opsets = model.Domains.Distinct().ToDictionary(d => d.Length == 0 ? "ai.onnx" : d, d => model.OpsetOf(d == "ai.onnx" ? "" : d)),
            Producer = model.Producer,
            Inputs = [.. graph.Inputs.Select(Value)],
            Outputs = [.. graph.Outputs.Select(Value)],
            Nodes = graph.Nodes.Count,
            Parameters = owners.Parameters,
            ParameterBytes = owners.Bytes,
            ExternalBytes = graph.Initializers.Values.Where(t => t.IsMapped).Sum(t => t.ByteLength),
            Macs = shapes is null ? null : operators.Sum(o => o.Macs),
            Operators = operators,
            Quantized = [.. graph.Nodes.Where(precisions.ContainsKey).Select(n => new QuantizedNode(n.Name, NameOf(n), precisions[n]))],
            Subgraphs = [.. graph.Nodes.Where(n => n.InnerNodes.Any()).Select(Subgraph)],
            Target = target?.Id,
        };
    }

    private static OperatorSummary Summary(
        IGrouping<string, Node> nodes, ConstantOwners owners, IReadOnlyDictionary<Node, string> precisions, long? macs, Target? target)
    {
        (long parameters, long bytes) = owners.Of(nodes);
        return new OperatorSummary(
            nodes.Key,
            nodes.Count(),
            parameters,
            bytes,
            owners.Bytes == 0 ? 0 : (double)bytes / owners.Bytes,
            macs,
            nodes.Where(precisions.ContainsKey).CountBy(n => precisions[n]).OrderBy(p => p.Key, StringComparer.Ordinal).ToDictionary(),
            target is not null && target.Operators.TryGetValue(nodes.Key, out OperatorRole role) ? role : null);
    }

    private static SubgraphSummary Subgraph(Node node)
    {
        Node[] inner = [.. node.InnerNodes];
        long parameters = node.InnerConstants.Concat(inner.Select(n => n.TensorAttribute("value")).OfType<Tensor>()).Sum(t => t.Count);
        return new SubgraphSummary(node.Name, NameOf(node), inner.Length, parameters, node.CapturedNames);
    }

    private static string NameOf(Node node) => node.Domain.Length == 0 ? node.Op : $"{node.Domain}.{node.Op}";

    private static ValueSummary Value(ValueInfo value) => new(value.Name, value.Type.OnnxName(), value.Dims);
}
