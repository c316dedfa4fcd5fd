using System.Collections.Immutable;
using Halftone.Onnx.Proto;

namespace Halftone.Onnx;

/// <summary>The graphs inside If, Loop and Scan nodes: they are kept as they are, but the names they take from outside count as inputs.</summary>
internal static class Subgraphs
{
    /// <summary>The names a node's subgraphs read and do not define, in order of first use.</summary>
    public static ImmutableArray<string> Captured(NodeProto node)
    {
        HashSet<string> seen = [];
        var names = ImmutableArray.CreateBuilder<string>();
        foreach (GraphProto graph in Of(node))
        {
            foreach (string name in Free(graph))
            {
                if (seen.Add(name))
                {
                    names.Add(name);
                }
            }
        }

        return names.ToImmutable();
    }

    /// <summary>Every name that occurs inside a node's subgraphs, so that fresh names avoid them.</summary>
    public static IEnumerable<string> AllNames(NodeProto node) =>
        Of(node).SelectMany(g => g.Node.SelectMany(n => n.Input.Concat(n.Output).Concat(AllNames(n)))
            .Concat(g.Initializer.Select(i => i.Name)).Concat(g.SparseInitializer.Select(i => i.Values?.Name ?? "")).Concat(g.Input.Select(i => i.Name)).Concat(g.Output.Select(o => o.Name)));

    /// <summary>Every node inside a node's subgraphs, at every depth.</summary>
    public static IEnumerable<NodeProto> Nodes(NodeProto node) =>
        Of(node).SelectMany(g => g.Node).SelectMany(n => Nodes(n).Prepend(n));

    /// <summary>Every initializer inside a node's subgraphs, at every depth.</summary>
    public static IEnumerable<TensorProto> Constants(NodeProto node) =>
        Of(node).SelectMany(g => g.Initializer.Concat(g.Node.SelectMany(Constants)));

    /// <summary>Refuses subgraphs, at every depth, that make a value twice or run in a circle.</summary>
    /// <exception cref="ModelException">They do.</exception>
    public static void Check(NodeProto node)
    {
        foreach (GraphProto graph in Of(node))
        {
            HashSet<string> made = [.. graph.Input.Select(i => i.Name)];
            foreach (string output in graph.Node.SelectMany(n => n.Output).Where(o => o.Length > 0))
            {
                if (!made.Add(output))
                {
                    throw new ModelException($"The value '{output}' is made twice in the subgraph '{graph.Name}' of node '{node.Name}' ({node.OpType}).");
                }
            }

            try
            {
                TopologicalOrder.Of([.. graph.Node.Select(n => new Node(n) { CapturedNames = Captured(n) })]);
            }
            catch (ModelException error)
            {
                throw new ModelException($"In the subgraph '{graph.Name}' of node '{node.Name}' ({node.OpType}): {error.Message}", error);
            }

            foreach (NodeProto inner in graph.Node)
            {
                Check(inner);
            }
        }
    }

    /// <summary>Renames a captured name wherever it is free in a node's subgraphs.</summary>
    public static void Rename(Node node, string name, string with)
    {
        foreach (GraphProto graph in Of(node.Proto))
        {
            Rename(graph, name, with);
        }
    }

    /// <summary>The graphs that a node holds.</summary>
    public static IEnumerable<GraphProto> Of(NodeProto node) =>
        node.Attribute.SelectMany(a => a.G is null ? a.Graphs : a.Graphs.Prepend(a.G));

    private static HashSet<string> Defined(GraphProto graph) =>
        [.. graph.Input.Select(i => i.Name), .. graph.Initializer.Select(i => i.Name), .. graph.SparseInitializer.Select(i => i.Values?.Name ?? ""), .. graph.Node.SelectMany(n => n.Output)];

    private static IEnumerable<string> Free(GraphProto graph)
    {
        HashSet<string> defined = Defined(graph);
        return graph.Node.SelectMany(n => n.Input.Concat(Captured(n)))
            .Concat(graph.Output.Select(o => o.Name))
            .Where(name => name.Length > 0 && !defined.Contains(name));
    }

    private static void Rename(GraphProto graph, string name, string with)
    {
        if (Defined(graph).Contains(name))
        {
            return;
        }

        foreach (NodeProto node in graph.Node)
        {
            for (int i = 0; i < node.Input.Count; i++)
            {
                if (node.Input[i] == name)
                {
                    node.Input[i] = with;
                }
            }

            foreach (GraphProto inner in Of(node))
            {
                Rename(inner, name, with);
            }
        }

        foreach (ValueInfoProto output in graph.Output.Where(o => o.Name == name))
        {
            output.Name = with;
        }
    }
}
