using System.Collections.Immutable;
using Halftone.Onnx;
using Halftone.Onnx.Targets;
using Halftone.PostTraining.Calibration;

namespace Halftone.PostTraining.Sensitivity;

/// <summary>What quantizing one node alone does to the outputs, and what keeping it float costs.</summary>
/// <param name="Node">Its name.</param>
/// <param name="Op">Operator type.</param>
/// <param name="Sqnr">Of the outputs with only this node quantized, dB.</param>
/// <param name="WeightSqnr">With only its weight quantized; infinite where it has none.</param>
/// <param name="ActivationSqnr">With only its edges quantized.</param>
/// <param name="NoiseShare">Its share of the output noise of all nodes quantized alone.</param>
/// <param name="ArgmaxAgreement">With only this node quantized; null where it says nothing.</param>
/// <param name="FloatBytes">Bytes the file grows by when its weight stays float.</param>
/// <param name="MacShare">Its share of the multiply-accumulates, which then run in float.</param>
public sealed record NodeSensitivity(
    string Node, string Op, double Sqnr, double WeightSqnr, double ActivationSqnr, double NoiseShare, double? ArgmaxAgreement, long FloatBytes, double MacShare);

/// <summary>Ranks nodes by their damage: each is quantized alone, all else float, first whole, then its weight and its activations apart.</summary>
public static class SensitivityAnalysis
{
    /// <summary>The nodes, most damaging first.</summary>
    /// <param name="job">Calibrated.</param>
    /// <param name="plan">The plan whose parts are tried.</param>
    /// <param name="progress">Told after every node: done, in all.</param>
    /// <param name="apart">Whether weights and activations are also tried apart, which takes three times as long; else both get the figure of the whole.</param>
    /// <param name="cancel">Stops at once.</param>
    /// <exception cref="InvalidOperationException">The job has no data.</exception>
    public static ImmutableArray<NodeSensitivity> Rank(QuantizationJob job, QuantizationPlan plan, IProgress<(int Done, int Total)>? progress = null, bool apart = true, CancellationToken cancel = default)
    {
        CalibrationRun run = job.Run ?? throw new InvalidOperationException("Sensitivity needs data.");
        Graph graph = job.Prepared.Model.Graph;
        Node[] nodes = [.. graph.Nodes.Where(n => job.Placement.Nodes.TryGetValue(n.Name, out OperatorRole role) && role is OperatorRole.Weighted or OperatorRole.Arithmetic && !plan.KeptFloat.ContainsKey(n.Name))];
        long macs = Math.Max(1, nodes.Sum(n => Macs.Of(graph, n, job.Prepared.Values)));
        List<(Node Node, Agreement Whole, double Weights, double Activations)> alone = [];
        foreach (Node node in nodes)
        {
            Agreement whole = run.Compare(Only(graph, plan, node, weights: true, activations: true), cancel);
            bool hasWeight = apart && plan.Weights.Keys.Any(s => s.Node == node.Name);
            bool hasEdges = apart && node.Inputs.Concat(node.Outputs).Any(plan.Edges.ContainsKey);
            alone.Add((
                node,
                whole,
                hasWeight && hasEdges ? run.Compare(Only(graph, plan, node, weights: true, activations: false), cancel).Sqnr : hasWeight || !apart ? whole.Sqnr : double.PositiveInfinity,
                hasWeight && hasEdges ? run.Compare(Only(graph, plan, node, weights: false, activations: true), cancel).Sqnr : hasWeight ? double.PositiveInfinity : whole.Sqnr));
            progress?.Report((alone.Count, nodes.Length));
        }

        double noise = alone.Sum(a => Noise(a.Whole.Sqnr));
        return
        [
            .. alone.OrderBy(a => a.Whole.Sqnr).Select(a => new NodeSensitivity(
                a.Node.Name, a.Node.Op, a.Whole.Sqnr, a.Weights, a.Activations, noise > 0 ? Noise(a.Whole.Sqnr) / noise : 0, a.Whole.ArgmaxAgreement,
                FloatBytes(plan, a.Node, graph), (double)Macs.Of(graph, a.Node, job.Prepared.Values) / macs)),
        ];
    }

    private static double Noise(double sqnr) => Math.Pow(10, -sqnr / 10);

    // what the node reads is quantized for it alone, what it gives for everybody behind it
    private static QuantizationPlan Only(Graph graph, QuantizationPlan plan, Node node, bool weights, bool activations)
    {
        HashSet<string> given = activations ? [.. node.Outputs.Concat(Absorbing(graph, node))] : [];
        HashSet<InputSite> reading =
        [
            .. Enumerable.Range(0, activations ? node.Inputs.Count : 0).Select(i => new InputSite(node.Name, i)),
            .. given.SelectMany(edge => graph.Consumers(edge).SelectMany(c => c.Inputs.Select((name, i) => (name, site: new InputSite(c.Name, i))).Where(p => p.name == edge).Select(p => p.site))),
        ];
        bool whole = weights && activations;
        return plan with
        {
            Weights = plan.Weights.Where(w => weights && w.Key.Node == node.Name).ToImmutableDictionary(),
            Edges = plan.Edges.Where(e => given.Contains(e.Key) || (activations && node.Inputs.Contains(e.Key))).ToImmutableDictionary(),
            Readers = plan.Readers.Intersect(reading),
            QuantizedOutputs = plan.QuantizedOutputs.Intersect(given),
            DynamicNodes = weights && plan.DynamicNodes.Contains(node.Name) ? [node.Name] : [],
            BiasCorrections = whole && plan.BiasCorrections.TryGetValue(node.Name, out ImmutableArray<float> correction)
                ? ImmutableDictionary<string, ImmutableArray<float>>.Empty.Add(node.Name, correction) : ImmutableDictionary<string, ImmutableArray<float>>.Empty,
        };
    }

    // the edge behind a Relu or Clip that the node takes in
    private static IEnumerable<string> Absorbing(Graph graph, Node node) =>
        node.Outputs.SelectMany(graph.Consumers).Where(c => c.Op is "Relu" or "Clip").SelectMany(c => c.Outputs);

    private static long FloatBytes(QuantizationPlan plan, Node node, Graph graph) =>
        plan.Weights.Where(w => w.Key.Node == node.Name).Sum(w => (graph.Constant(node.Input(w.Key.Input))?.ByteLength ?? 0) - (w.Value.StorageBits / 8));
}
