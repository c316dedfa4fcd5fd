using System.Collections.Immutable;
using Halftone.Data;
using Halftone.Onnx;
using Halftone.OnnxRuntime;
using Halftone.PostTraining.Calibration;

namespace Halftone.PostTraining.Proofs;

/// <summary>The error of quantized values along the graph, all errors before them included.</summary>
internal static class LayerErrors
{
    private const int Samples = 8; // a decibel is a decibel after a few samples

    public static ImmutableArray<LayerEntry> Of(QuantizationJob job, Model quantized, CancellationToken cancel)
    {
        Graph graph = job.Prepared.Model.Graph;
        HashSet<string> made = [.. quantized.Graph.Nodes.SelectMany(n => n.Outputs)];
        string[] values = [.. graph.Nodes.Where(n => job.Placement.Nodes.ContainsKey(n.Name)).SelectMany(n => n.Outputs).Where(o => job.Prepared.Values.TryGetValue(o, out var v) && v.Type is ElementType.Float && made.Contains(o))];
        using OrtSession before = OrtSession.Load(TensorTap.Expose(job.Prepared.Model, values), new OrtOptions { Optimize = false });
        using OrtSession after = OrtSession.Load(TensorTap.Expose(quantized, values), new OrtOptions { Optimize = false });
        var comparison = new OutputComparison();
        (CarriedState, CarriedState) states = (new(job.Data!), new(job.Data!));
        int count = Math.Min(Samples, job.Data!.Count);
        foreach (Batch batch in Batches.Of(job.Data, Enumerable.Range(0, count), 1, new SkippedFiles(), cancel))
        {
            comparison.Add(states.Item1.Run(before, batch, values, cancel), states.Item2.Run(after, batch, values, cancel));
        }

        Dictionary<string, double> sqnr = comparison.Results().ToDictionary(r => r.Name, r => r.SqnrDecibels);
        return [.. values.Where(sqnr.ContainsKey).Select(v => (Value: v, Node: graph.Producer(v)!)).Select(p => new LayerEntry(p.Node.Name, p.Node.Op, p.Value, sqnr[p.Value]))];
    }
}
