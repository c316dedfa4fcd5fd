using System.Collections.Immutable;
using System.Globalization;
using Halftone.Onnx;

namespace Halftone.OnnxRuntime;

/// <summary>What ONNX Runtime made of one node.</summary>
/// <param name="Node">Name of the node in the quantized model.</param>
/// <param name="Op">Its operator there.</param>
/// <param name="Kernel">The operator that computes it after optimization.</param>
/// <param name="Obstacle">Why it does not run in integers, in a few words that are the same for the same cause; null where it does.</param>
/// <param name="MultiplyAdds">Multiplications of one run; 0 for operators without weights, and where lengths are unknown.</param>
public sealed record NodeFusion(string Node, string Op, string Kernel, string? Obstacle, long MultiplyAdds)
{
    /// <summary>Whether it runs in an integer kernel.</summary>
    public bool Fused => Obstacle is null;
}

/// <summary>Which nodes of a quantized model ONNX Runtime really computes in integers, read from the model as its optimizer leaves it.</summary>
/// <remarks>
/// Counted are Conv, ConvTranspose, Gemm, MatMul, Add, Mul, Concat and pooling on floats, and the integer operators that stand in the file already.
/// Left out: what folds into constants, arithmetic on shapes, and the scale arithmetic around ConvInteger and MatMulInteger.
/// The optimizer is run without layout changes: those only rename convolutions and put transposes around them.
/// </remarks>
/// <param name="Nodes">The nodes, in order.</param>
public sealed record FusionReport(ImmutableArray<NodeFusion> Nodes)
{
    private const long LargestInMemory = 1_000_000_000; // bytes of constants; float copies of folded weights must still fit one file

    /// <summary>Nodes that run in integers.</summary>
    public int Fused => Nodes.Count(n => n.Fused);

    /// <summary>Nodes counted.</summary>
    public int Total => Nodes.Length;

    /// <summary>Share of the nodes that run in integers; 1 where there are none.</summary>
    public double NodeShare => Total == 0 ? 1 : (double)Fused / Total;

    /// <summary>Share of the multiplications done in integers; 1 where there are none.</summary>
    public double MacShare
    {
        get
        {
            double all = Nodes.Sum(n => (double)n.MultiplyAdds);
            return all == 0 ? 1 : Nodes.Where(n => n.Fused).Sum(n => (double)n.MultiplyAdds) / all;
        }
    }

    /// <summary>How often each obstacle stands, most frequent first.</summary>
    public ImmutableArray<(string Obstacle, int Nodes)> Obstacles =>
    [
        .. Nodes.Where(n => !n.Fused).GroupBy(n => n.Obstacle!).Select(g => (g.Key, g.Count()))
            .OrderByDescending(g => g.Item2).ThenBy(g => g.Key, StringComparer.Ordinal),
    ];

    /// <summary>One line: "27 of 53 nodes fused (98.2 % of multiply-adds); 26 not, because: output not quantized (9), ..."</summary>
    public string Summary
    {
        get
        {
            string head = string.Create(CultureInfo.InvariantCulture, $"{Fused} of {Total} nodes fused ({100 * MacShare:0.0} % of multiply-adds)");
            return Fused == Total ? head : $"{head}; {Total - Fused} not, because: {string.Join(", ", Obstacles.Select(o => $"{o.Obstacle} ({o.Nodes})"))}";
        }
    }

    /// <summary>Loads the model, lets ONNX Runtime optimize it, and compares.</summary>
    /// <param name="quantized">Stays as it is.</param>
    /// <param name="shapes">Lengths seen in a run, by name, which count multiplications where the file leaves lengths open. An open batch counts as 1 without them.</param>
    /// <exception cref="ModelException">ONNX Runtime refuses the model.</exception>
    public static FusionReport Of(Model quantized, IReadOnlyDictionary<string, long[]>? shapes = null)
    {
        Graph optimized = Optimized(quantized);
        Dictionary<string, ValueInfo> inferred = Inferred(quantized);
        var shapeOf = new ShapeLookup(quantized.Graph, inferred, shapes);
        var kernels = new KernelFinder(quantized.Graph, optimized);
        var nodes = ImmutableArray.CreateBuilder<NodeFusion>();
        foreach (Node node in quantized.Graph.Nodes.Where(n => Counts(quantized.Graph, n, inferred)))
        {
            // a node that is nowhere has been folded into a constant, or nobody needs it
            if (kernels.Find(node) is { } kernel)
            {
                string? obstacle = kernels.IsInteger(node, kernel) ? null : FusionObstacle.Of(quantized.Graph, node, kernel);
                nodes.Add(new NodeFusion(node.Name, node.Op, kernel.Op, obstacle, shapeOf.MultiplyAdds(node)));
            }
        }

        return new FusionReport(nodes.ToImmutable());
    }

    private static Graph Optimized(Model quantized)
    {
        string folder = Directory.CreateTempSubdirectory("halftone-").FullName;
        try
        {
            string path = Path.Combine(folder, "optimized.onnx");
            var options = new OrtOptions
            {
                SaveOptimizedTo = path,
                ChangeLayout = false,
                SaveExternalData = quantized.Graph.Initializers.Values.Sum(t => t.ByteLength) > LargestInMemory,
            };
            OrtSession.Load(quantized, options).Dispose();
            return Model.Load(path).Graph;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Types and lengths of every value, as ONNX Runtime infers them on loading.</summary>
    private static Dictionary<string, ValueInfo> Inferred(Model quantized)
    {
        using OrtSession session = OrtSession.Load(TensorTap.Expose(quantized, TensorTap.Exposable(quantized.Graph)), new OrtOptions { Optimize = false });
        return session.Outputs.Concat(session.Inputs).DistinctBy(v => v.Name).ToDictionary(v => v.Name);
    }

    private static bool Counts(Graph graph, Node node, Dictionary<string, ValueInfo> inferred)
    {
        if (KernelFinder.IntegerOps.Contains(node.Op))
        {
            return true;
        }

        if (node.Domain.Length > 0 || !KernelFinder.FloatOps.Contains(node.Op))
        {
            return false;
        }

        bool floats = inferred.GetValueOrDefault(node.Outputs[0])?.Type is null or ElementType.Undefined or ElementType.Float or ElementType.Float16 or ElementType.BFloat16 or ElementType.Double;
        return floats && !node.Inputs.All(i => i.Length == 0 || graph.Constant(i) is not null) && !IsRescale(graph, node);
    }

    /// <summary>Whether a Mul turns an integer accumulator into floats, or multiplies two scales for that.</summary>
    private static bool IsRescale(Graph graph, Node node) =>
        node.Is("Mul") && node.Inputs.Any(i => graph.Producer(i) is { } p
            && ((p.Is("DynamicQuantizeLinear") && p.Outputs[1] == i)
                || (p.Is("Cast") && graph.Producer(p.Input(0)) is { } from && (from.Is("MatMulInteger") || from.Is("ConvInteger")))));
}
