using System.Collections.Immutable;
using Halftone.Formats;
using Halftone.Onnx;
using Halftone.PostTraining.Calibration;
using Halftone.Ranges;
using Halftone.Statistics;

namespace Halftone.PostTraining.Proofs;

/// <summary>Histograms of the quantized values with the clip chosen and those other methods would choose.</summary>
internal static class EdgeEntries
{
    private const int Bins = 256; // as many as a screen shows

    public static ImmutableArray<EdgeEntry> Of(QuantizationJob job, QuantizationPlan plan)
    {
        if (job.Calibration is not { } calibration)
        {
            return [];
        }

        var entries = ImmutableArray.CreateBuilder<EdgeEntry>();
        foreach (string edge in job.Prepared.Model.Graph.Inputs.Select(i => i.Name).Concat(job.Prepared.Model.Graph.Nodes.SelectMany(n => n.Outputs)))
        {
            if (calibration.Statistics.TryGetValue(edge, out TensorStatistics? statistics) && plan.Edges.GetValueOrDefault(edge) is AffineGrid { Axis: null } grid)
            {
                entries.Add(Entry(edge, statistics, grid, job.Builder.ActivationGrid));
            }
        }

        return entries.ToImmutable();
    }

    private static EdgeEntry Entry(string edge, TensorStatistics statistics, AffineGrid grid, QuantizationGrid codes)
    {
        Histogram h = statistics.Histogram;
        int per = Math.Max(1, (h.Counts.Length + Bins - 1) / Bins);
        long outside = h.Counts.Select((count, i) => h.Centre(i) < grid.Lowest - (h.BinWidth / 2) || h.Centre(i) > grid.Highest + (h.BinWidth / 2) ? count : 0).Sum();
        return new EdgeEntry(
            edge,
            h.BinWidth * per,
            h.Lowest,
            [.. h.Counts.Chunk(per).Select(c => c.Sum())],
            grid.Scale,
            grid.ZeroPoint,
            grid.Lowest,
            grid.Highest,
            h.Total == 0 ? 0 : (double)outside / h.Total,
            [.. RangeSelection.Candidates.Select(id => (id, range: RangeMethods.All.Find(id).Default.Estimate(statistics, codes))).Select(r => new RangeEntry(r.id, r.range.Min, r.range.Max))]);
    }
}
