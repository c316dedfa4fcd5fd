using System.Collections.Immutable;
using Halftone.Data;
using Halftone.Onnx;
using Halftone.Onnx.Export;
using Halftone.OnnxRuntime;
using Halftone.Statistics;

namespace Halftone.PostTraining.Calibration;

/// <summary>What plan methods may ask: statistics of edges, and how near the model under a plan comes to the float model.</summary>
public interface ICalibrationRun
{
    /// <summary>The float model after the passes.</summary>
    Model Model { get; }

    /// <summary>Types and lengths of its values.</summary>
    IReadOnlyDictionary<string, ObservedValue> Values { get; }

    /// <summary>Statistics of the edges that were calibrated.</summary>
    IReadOnlyDictionary<string, TensorStatistics> Statistics { get; }

    /// <summary>What follows from folded normalizations of how values are distributed, without samples.</summary>
    DerivedMoments Moments { get; }

    /// <summary>Threads of the runtime.</summary>
    int Threads { get; }

    /// <summary>Samples that plans are judged by.</summary>
    int JudgedSamples { get; }

    /// <summary>Calibration samples, evenly over the set, the same every time.</summary>
    IEnumerable<Batch> Samples(int count, CancellationToken cancel = default);

    /// <summary>Outputs under a plan against the float outputs, on the same samples every time.</summary>
    Agreement Compare(QuantizationPlan plan, CancellationToken cancel = default);
}

/// <summary>Improves a plan; the way to extend beyond one weight or one edge at a time.</summary>
public interface IPlanMethod
{
    /// <summary>Another plan for the same graph, or the same where nothing is gained.</summary>
    QuantizationPlan Improve(Graph graph, QuantizationPlan plan, ICalibrationRun run, CancellationToken cancel = default);
}

/// <summary>A calibrated model, ready to judge plans by their outputs.</summary>
/// <param name="model">The float model after the passes.</param>
/// <param name="values">Of its values.</param>
/// <param name="statistics">Of its edges.</param>
/// <param name="data">Samples to judge by.</param>
/// <param name="samples">How many of them.</param>
/// <param name="threads">Of the runtime.</param>
public sealed class CalibrationRun(
    Model model, IReadOnlyDictionary<string, ObservedValue> values, IReadOnlyDictionary<string, TensorStatistics> statistics, IDataSet data, int samples, int threads) : ICalibrationRun, IDisposable
{
    private readonly Dictionary<string, TensorStatistics> _statistics = new(statistics);
    private readonly OrtSession _float = OrtSession.Load(model, new OrtOptions { Threads = threads });

    /// <inheritdoc/>
    public Model Model => model;

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, ObservedValue> Values => values;

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, TensorStatistics> Statistics => _statistics;

    /// <inheritdoc/>
    public DerivedMoments Moments { get; init; } = DerivedMoments.None;

    /// <inheritdoc/>
    public int Threads => threads;

    /// <summary>Adds statistics of more edges.</summary>
    internal void Add(IReadOnlyDictionary<string, TensorStatistics> more)
    {
        foreach ((string edge, TensorStatistics one) in more)
        {
            _statistics[edge] = one;
        }
    }

    /// <inheritdoc/>
    public int JudgedSamples => Math.Min(samples, data.Count);

    /// <inheritdoc/>
    public IEnumerable<Batch> Samples(int count, CancellationToken cancel = default) =>
        Batches.Of(data, Batches.Evenly(data.Count, count), 8, new SkippedFiles(), cancel);

    /// <inheritdoc/>
    public Agreement Compare(QuantizationPlan plan, CancellationToken cancel = default) => Compare(QdqExport.Apply(model, plan), cancel);

    /// <summary>Outputs of another model with the same inputs and outputs against the float outputs.</summary>
    public Agreement Compare(Model quantized, CancellationToken cancel = default)
    {
        using OrtSession session = OrtSession.Load(quantized, new OrtOptions { Threads = threads });
        return Compare(session, cancel);
    }

    /// <summary>Outputs of a loaded model against the float outputs.</summary>
    public Agreement Compare(OrtSession session, CancellationToken cancel = default)
    {
        string[] outputs = [.. model.Graph.Outputs.Where(o => values.TryGetValue(o.Name, out ObservedValue? v) && v.Type is ElementType.Float).Select(o => o.Name)];
        var comparison = new OutputComparison();
        var floatState = new CarriedState(data);
        var state = new CarriedState(data);
        foreach (Batch batch in Samples(samples, cancel))
        {
            comparison.Add(floatState.Run(_float, batch, outputs, cancel), state.Run(session, batch, outputs, cancel));
        }

        ImmutableArray<OutputFidelity> results = comparison.Results();
        return new Agreement(
            results.Min(r => r.SqnrDecibels),
            results.Min(r => r.Cosine),
            results is [{ } only] ? only.ArgmaxAgreement : null,
            JudgedSamples);
    }

    /// <inheritdoc/>
    public void Dispose() => _float.Dispose();
}
