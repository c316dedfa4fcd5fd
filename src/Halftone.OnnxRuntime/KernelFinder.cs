using System.Collections.Frozen;
using Halftone.Onnx;

namespace Halftone.OnnxRuntime;

/// <summary>Finds the node of an optimized graph that computes a node of the graph before.</summary>
/// <remarks>
/// ONNX Runtime keeps the name of the node around which it fuses. Where a node went into another, the first value after it that both graphs know tells which.
/// Names of values alone do not do: where int8 codes become uint8, it renames them.
/// </remarks>
internal sealed class KernelFinder(Graph before, Graph after)
{
    /// <summary>Operators on floats that have, or could have, an integer kernel.</summary>
    public static readonly FrozenSet<string> FloatOps = FrozenSet.Create(
        "Conv", "ConvTranspose", "Gemm", "MatMul", "Add", "Mul", "Concat", "MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool", "LpPool", "GlobalLpPool");

    /// <summary>Integer kernels of ONNX Runtime for them, and those that keep their weights in integers.</summary>
    public static readonly FrozenSet<string> IntegerOps = FrozenSet.Create(
        "QLinearConv", "ConvInteger", "QLinearMatMul", "MatMulInteger", "MatMulIntegerToFloat", "DynamicQuantizeMatMul", "QGemm", "MatMulNBits",
        "QLinearAdd", "QLinearMul", "QLinearConcat", "QLinearAveragePool", "QLinearGlobalAveragePool", "QAttention", "DynamicQuantizeLSTM");

    private readonly Dictionary<string, Node> _after = after.Nodes.GroupBy(n => n.Name).ToDictionary(g => g.Key, g => g.First());

    /// <summary>The node that computes it, or null where nothing does.</summary>
    public Node? Find(Node node)
    {
        if (_after.TryGetValue(node.Name, out Node? same))
        {
            return same;
        }

        Queue<string> ahead = new(node.Outputs);
        HashSet<string> seen = [.. node.Outputs];
        while (ahead.TryDequeue(out string? name))
        {
            if (after.Producer(name) is { } producer)
            {
                return producer;
            }

            foreach (string next in before.Consumers(name).SelectMany(c => c.Outputs).Where(seen.Add))
            {
                ahead.Enqueue(next);
            }
        }

        return null;
    }

    /// <summary>Whether that kernel computes on codes.</summary>
    /// <param name="node">The node before.</param>
    /// <param name="kernel">What computes it.</param>
    public bool IsInteger(Node node, Node kernel) => IntegerOps.Contains(kernel.Op) || RunsOnCodes(node, kernel);

    // some operators are the same on floats and codes: they run on codes when the DequantizeLinear before them is gone
    private bool RunsOnCodes(Node node, Node kernel) =>
        kernel.Op == node.Op && node.Op is "MaxPool" or "Concat"
        && before.Producer(node.Input(0)) is { Op: "DequantizeLinear" } && after.Producer(kernel.Input(0)) is not { Op: "DequantizeLinear" };
}
