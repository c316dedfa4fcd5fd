using System.Collections.Immutable;
using Halftone.Formats;
using Halftone.Numerics;
using Halftone.Onnx;

namespace Halftone.PostTraining.Plans;

/// <summary>Gives the edges of some nodes 16 bits, between float and 8 bits in accuracy. ONNX Runtime computes such nodes in float between their codes; chips may not.</summary>
public static class WideEdges
{
    /// <summary>The plan with 16-bit edges, over the whole range that was seen, at the nodes and at every edge that shares their parameters.</summary>
    public static QuantizationPlan Of(QuantizationJob job, QuantizationPlan plan, ImmutableArray<string> nodes)
    {
        Graph graph = job.Prepared.Model.Graph;
        HashSet<string> heads =
        [
            .. graph.Nodes.Where(n => nodes.Contains(n.Name)).SelectMany(n => n.Inputs.Concat(n.Outputs)).Where(job.Placement.Edges.ContainsKey).Select(e => job.Placement.Edges[e]),
        ];
        var codes = new IntegerGrid(16, job.Builder.ActivationGrid.Codes.Signed);
        var edges = plan.Edges.ToBuilder();
        foreach ((string edge, string head) in job.Placement.Edges.Where(e => heads.Contains(e.Value) && plan.Edges.ContainsKey(e.Key)))
        {
            ImmutableArray<string> covers = job.Placement.Covers[head];
            edges[edge] = new AffineGrid(
                AffineParameters.FromRange(covers.Min(e => job.Run!.Statistics[e].Min), covers.Max(e => job.Run!.Statistics[e].Max), codes, job.Builder.ActivationGrid.Symmetric), codes);
        }

        return plan with { Edges = edges.ToImmutable() };
    }
}
