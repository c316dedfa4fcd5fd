using System.Collections.Immutable;
using Halftone.Data;
using Halftone.Onnx;
using Halftone.OnnxRuntime;
using Halftone.Statistics;

namespace Halftone.PostTraining.Calibration;

/// <summary>How a calibration runs.</summary>
public sealed record CalibrationOptions
{
    /// <summary>Samples at most.</summary>
    public int Samples { get; init; } = 512;

    /// <summary>Samples in a batch at most; memory may make it smaller.</summary>
    public int BatchSize { get; init; } = 16;

    /// <summary>Bytes that the values of the batches under way may take.</summary>
    public long Memory { get; init; } = 1L << 30;

    /// <summary>Batches under way at once. The result does not depend on it.</summary>
    public int Threads { get; init; } = Environment.ProcessorCount;

    /// <summary>Told after every batch: samples done, samples in all.</summary>
    public IProgress<(int Done, int Total)>? Progress { get; init; }
}

/// <summary>What a calibration found.</summary>
/// <param name="Statistics">Of every edge asked for.</param>
/// <param name="Samples">Samples that went in.</param>
/// <param name="Batches">Batches they made.</param>
/// <param name="Groups">1, or in how many groups the edges had to be fetched because one batch of all exceeds the memory; each group is another run.</param>
/// <param name="BytesPerSample">Bytes of all edges for one sample.</param>
/// <param name="Skipped">Files that could not be read.</param>
public sealed record CalibrationResult(IReadOnlyDictionary<string, TensorStatistics> Statistics, int Samples, int Batches, int Groups, long BytesPerSample, ImmutableArray<string> Skipped)
{
    /// <summary>Edges with NaN or infinite values, and how many; these are in no range.</summary>
    public IEnumerable<(string Edge, long Count)> NonFinite => Statistics.Where(s => s.Value.NonFinite > 0).Select(s => (s.Key, s.Value.NonFinite)).OrderBy(s => s.Key, StringComparer.Ordinal);
}

/// <summary>Runs a model over samples once and gathers the statistics of edges as the values come, in memory that does not grow with the samples.</summary>
public static class Calibrator
{
    /// <summary>Types and lengths of every value of the main graph, learned by running one sample.</summary>
    public static IReadOnlyDictionary<string, ObservedValue> Observe(Model model, IReadOnlyDictionary<string, Tensor> inputs, CancellationToken cancel = default)
    {
        const int AtOnce = 256; // values kept at a time; the rest is freed inside the run
        Dictionary<string, ObservedValue> seen = [];
        foreach ((string name, Tensor tensor) in inputs)
        {
            seen[name] = new(tensor.Type, tensor.Dims);
        }

        string[] names = [.. model.Graph.Nodes.SelectMany(n => n.Outputs).Where(o => o.Length > 0)];
        foreach (string[] some in names.Chunk(AtOnce))
        {
            using OrtSession session = OrtSession.Load(TensorTap.Expose(model, some), new OrtOptions { Optimize = false });
            foreach ((string name, Tensor tensor) in session.Run(inputs, some, cancel))
            {
                seen[name] = new(tensor.Type, tensor.Dims);
            }
        }

        return seen;
    }

    /// <summary>Gathers the statistics.</summary>
    /// <param name="model">The float model, after the passes.</param>
    /// <param name="edges">Names of float values; inputs of the graph are allowed.</param>
    /// <param name="values">What <see cref="Observe"/> learned, for the memory.</param>
    /// <param name="data">Samples.</param>
    /// <param name="options">How.</param>
    /// <param name="cancel">Stops at once.</param>
    /// <exception cref="DataException">No sample could be read.</exception>
    public static CalibrationResult Run(
        Model model, IReadOnlyCollection<string> edges, IReadOnlyDictionary<string, ObservedValue> values, IDataSet data, CalibrationOptions options, CancellationToken cancel = default)
    {
        if (data.Count == 0)
        {
            throw new DataException($"{data.Description} holds no samples to calibrate with.");
        }

        int[] indices = Batches.Evenly(data.Count, options.Samples);
        (int batchSize, List<string[]> groups) = Fit(edges, values, options.Memory / options.Threads, options.BatchSize);
        var skipped = new SkippedFiles();
        Dictionary<string, TensorStatistics> statistics = [];
        (int Samples, int Batches) done = default;
        foreach (string[] group in groups)
        {
            var collectors = group.ToDictionary(e => e, _ => new StatisticsCollector());
            done = new CalibrationPass(model, collectors, options, new CarriedState(data), indices.Length).Run(Batches.Of(data, indices, batchSize, skipped, cancel), cancel);
            foreach ((string edge, StatisticsCollector collector) in collectors)
            {
                statistics[edge] = collector.Snapshot();
            }
        }

        if (done.Samples == 0)
        {
            throw new DataException($"None of the {indices.Length} calibration samples of {data.Description} could be read.");
        }

        return new CalibrationResult(statistics, done.Samples, done.Batches, groups.Count, BytesOf(edges, values), [.. skipped.All.Select(f => f.Reason)]);
    }

    /// <summary>Samples of a batch, and the values in groups of which one batch fits the memory; in one group wherever that can be.</summary>
    internal static (int BatchSize, List<string[]> Groups) Fit(IReadOnlyCollection<string> edges, IReadOnlyDictionary<string, ObservedValue> values, long memory, int mostSamples)
    {
        long perSample = Math.Max(1, BytesOf(edges, values));
        long budget = Math.Max(1, memory);
        int batchSize = (int)Math.Clamp(budget / perSample, 1, mostSamples);
        return (batchSize, batchSize * perSample > budget ? Split(edges, values, budget) : [[.. edges.Order(StringComparer.Ordinal)]]);
    }

    private static long BytesOf(IEnumerable<string> edges, IReadOnlyDictionary<string, ObservedValue> values) =>
        edges.Sum(e => values.TryGetValue(e, out ObservedValue? v) ? v.ByteLength : 0);

    private static List<string[]> Split(IReadOnlyCollection<string> edges, IReadOnlyDictionary<string, ObservedValue> values, long budget)
    {
        List<string[]> groups = [];
        List<string> group = [];
        long bytes = 0;
        foreach (string edge in edges.Order(StringComparer.Ordinal))
        {
            long size = values.TryGetValue(edge, out ObservedValue? v) ? v.ByteLength : 0;
            if (group.Count > 0 && bytes + size > budget)
            {
                groups.Add([.. group]);
                group.Clear();
                bytes = 0;
            }

            group.Add(edge);
            bytes += size;
        }

        groups.Add([.. group]);
        return groups;
    }
}
