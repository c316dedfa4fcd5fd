using Google.Protobuf.Collections;
using Halftone.Onnx.Proto;

namespace Halftone.Onnx.Opsets;

/// <summary>Brings a model to a newer ONNX operator set by rewriting the operators whose meaning changed on the way; the number is never just changed.</summary>
public static class OpsetUpgrade
{
    /// <summary>The newest operator set that is known.</summary>
    public const int Newest = 25;

    /// <summary>Upgrades to an operator set; a model that is there already, or above, is left as it is.</summary>
    /// <param name="model">Changed in place; on an exception it must not be used further.</param>
    /// <param name="opset">7 to <see cref="Newest"/>.</param>
    /// <exception cref="ModelException">An operator's meaning changed in a way that is not covered, or it is unknown; the message names node, operator and versions.</exception>
    public static void To(Model model, int opset)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(opset, 7);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(opset, Newest);
        int from = model.Opset;
        if (from == 0 || from >= opset)
        {
            return; // from 0: no operator of ONNX's own
        }

        for (int next = from + 1; next <= opset; next++)
        {
            Step(model, next, opset);
        }

        Functions(model, from, opset);
        SetVersions(model, opset);
    }

    /// <summary>The lowest version of the file format that carries an operator set.</summary>
    /// <param name="opset">Of ONNX's own domain.</param>
    public static int LowestIr(int opset) => opset switch
    {
        <= 8 => 3,
        9 => 4,
        10 => 5,
        11 => 6,
        <= 14 => 7,
        <= 18 => 8,
        <= 20 => 9,
        <= 22 => 10,
        23 => 11,
        24 => 12,
        _ => 13,
    };

    private static void Step(Model model, int next, int target)
    {
        Graph graph = model.Graph;
        Node[] nodes = [.. graph.Nodes];
        var scope = UpgradeScope.Main(graph, next - 1, target);
        List<Node> upgraded = Upgrade(nodes, scope, next);
        foreach (Node node in upgraded)
        {
            node.CapturedNames = Subgraphs.Captured(node.Proto);
        }

        graph.ReplaceNodes(upgraded);
    }

    private static List<Node> Upgrade(IEnumerable<Node> nodes, UpgradeScope scope, int next)
    {
        List<Node> upgraded = [];
        foreach (Node node in nodes)
        {
            foreach (GraphProto inner in Subgraphs.Of(node.Proto))
            {
                Node[] innerNodes = [.. inner.Node.Select(n => new Node(n))];
                List<Node> result = Upgrade(innerNodes, scope.Inside(inner, innerNodes), next);
                Replace(inner.Node, result);
            }

            upgraded.AddRange(node.Domain.Length > 0 ? [node] : Changed(node, scope, next));
        }

        return upgraded;
    }

    private static IEnumerable<Node> Changed(Node node, UpgradeScope scope, int next)
    {
        if (!OpsetChanges.Known.Contains(node.Op))
        {
            throw new ModelException($"Node '{node.Name}' is a '{node.Op}', which is no operator of ONNX that Halftone knows, so it cannot be brought from operator set {scope.From} to {next}.");
        }

        OpsetChange? change = OpsetChanges.Find(node.Op, next);
        if (change is null)
        {
            return [node];
        }

        if (change.Rewrite is null)
        {
            throw Refused(node, next, "that change is not covered");
        }

        return node.Input(0).Length > 0 && node.Outputs.Count > 0 ? change.Rewrite(node, scope)
            : throw new ModelException($"Node '{node.Name}' ({node.Op}) has no input, or no output, and {node.Op} needs both.");
    }

    /// <summary>What to throw where a node cannot be upgraded.</summary>
    internal static ModelException Refused(Node node, int since, string why) =>
        new($"Node '{node.Name}' ({node.Op}) is written for an operator set before {since}, which changed what {node.Op} means: {why}. Export the model with operator set {since} or newer.");

    private static void Replace(RepeatedField<NodeProto> protos, List<Node> nodes)
    {
        protos.Clear();
        protos.AddRange(nodes.Select(n => n.Proto));
    }

    // Functions are kept without being understood, so one with an operator that changed is refused.
    private static void Functions(Model model, int from, int opset)
    {
        foreach (FunctionProto function in model.Proto.Functions)
        {
            foreach (OperatorSetIdProto import in function.OpsetImport.Where(o => o.Domain is "" or "ai.onnx"))
            {
                foreach (NodeProto node in AllNodes(function.Node).Where(n => n.Domain is "" or "ai.onnx"))
                {
                    if (!OpsetChanges.Known.Contains(node.OpType) || OpsetChanges.Between(node.OpType, (int)Math.Min(import.Version, from), opset) is not null)
                    {
                        throw new ModelException($"The function '{function.Name}' uses {node.OpType}, whose meaning changed between operator sets {from} and {opset}; functions are not rewritten: inline them first.");
                    }
                }

                import.Version = Math.Max(import.Version, opset);
            }
        }
    }

    private static IEnumerable<NodeProto> AllNodes(IEnumerable<NodeProto> nodes) =>
        nodes.SelectMany(n => AllNodes(Subgraphs.Of(n).SelectMany(g => g.Node)).Prepend(n));

    private static void SetVersions(Model model, int opset)
    {
        model.Opset = opset;
        if (model.IrVersion < 4)
        {
            // up to here initializers had to be listed as inputs; from here on that would make them defaults that a caller may replace
            foreach (ValueInfoProto input in model.Graph.Proto.Input.Where(i => model.Graph.Constant(i.Name) is not null).ToArray())
            {
                model.Graph.Proto.Input.Remove(input);
            }
        }

        model.IrVersion = Math.Max(model.IrVersion, LowestIr(opset));
    }
}
