using System.Collections.Immutable;
using Halftone.Data;
using Halftone.Formats;
using Halftone.Onnx;
using Halftone.Onnx.Export;
using Halftone.OnnxRuntime;
using Halftone.PostTraining.Plans;
using Halftone.Statistics;
using Halftone.Weights;

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

    /// <summary>The task's loss under a plan (see <see cref="OutputLoss"/>), on the same samples every time.</summary>
    double Loss(QuantizationPlan plan, int samples, CancellationToken cancel = default);

    /// <summary>Other values for a weight, in the form that the recipe gives weights there.</summary>
    /// <param name="plan">The plan it is for.</param>
    /// <param name="site">Where it is read, by one node alone.</param>
    /// <param name="values">The values, as many as the weight has.</param>
    /// <param name="statistics">What is known of the layer's inputs; null for what was gathered for the recipe's weight method.</param>
    /// <param name="method">Another weight method than the recipe's; null for that.</param>
    /// <param name="cancel">Stops it.</param>
    QuantizedTensor Quantize(QuantizationPlan plan, InputSite site, float[] values, LayerStatistics? statistics, IWeightMethod? method, CancellationToken cancel = default);
}

/// <summary>Improves a plan; the way to extend beyond one weight or one edge at a time.</summary>
public interface IPlanMethod
{
    /// <summary>Whether it asks the run for samples or statistics; others work without data.</summary>
    bool NeedsSamples => true;

    /// <summary>Another plan for the same graph, or the same where nothing is gained.</summary>
    QuantizationPlan Improve(Graph graph, QuantizationPlan plan, ICalibrationRun run, CancellationToken cancel = default);
}

/// <summary>A calibrated model, ready to judge plans by their outputs.</summary>
public sealed class CalibrationRun : ICalibrationRun, IDisposable
{
    private const long MostKept = 256L << 20; // bytes of float outputs that are kept; more are computed anew

    private readonly PlanBuilder _builder;
    private readonly Reference _reference;

    /// <summary>Starts one.</summary>
    /// <param name="model">The float model after the passes.</param>
    /// <param name="values">Of its values.</param>
    /// <param name="statistics">Of its edges.</param>
    /// <param name="data">Samples to judge by; null for none.</param>
    /// <param name="samples">How many of them.</param>
    /// <param name="builder">Makes its plans.</param>
    public CalibrationRun(
        Model model, IReadOnlyDictionary<string, ObservedValue> values, IReadOnlyDictionary<string, TensorStatistics> statistics, IDataSet? data, int samples, PlanBuilder builder)
        : this(new Reference(model, values, new(statistics), data, samples, builder.Threads), builder)
    {
    }

    private CalibrationRun(Reference reference, PlanBuilder builder) => (_reference, _builder) = (reference, builder);

    /// <inheritdoc/>
    public Model Model => _reference.Model;

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, ObservedValue> Values => _reference.Values;

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, TensorStatistics> Statistics => _reference.Statistics;

    /// <inheritdoc/>
    public DerivedMoments Moments { get; init; } = DerivedMoments.None;

    /// <inheritdoc/>
    public int Threads => _reference.Threads;

    /// <inheritdoc/>
    public int JudgedSamples => Math.Min(_reference.Samples, _reference.Data?.Count ?? 0);

    /// <summary>The same samples and statistics for the plans of another recipe; it lives as long as this one.</summary>
    public CalibrationRun For(PlanBuilder builder) => new(_reference, builder) { Moments = Moments };

    /// <summary>Adds statistics of more edges.</summary>
    internal void Add(IReadOnlyDictionary<string, TensorStatistics> more)
    {
        foreach ((string edge, TensorStatistics one) in more)
        {
            _reference.Statistics[edge] = one;
        }
    }

    /// <inheritdoc/>
    public IEnumerable<Batch> Samples(int count, CancellationToken cancel = default) => _reference.Batches(count, cancel);

    /// <inheritdoc/>
    public Agreement Compare(QuantizationPlan plan, CancellationToken cancel = default) => Compare(QdqExport.Apply(Model, plan), cancel);

    /// <summary>Outputs of another model with the same inputs and outputs against the float outputs.</summary>
    public Agreement Compare(Model quantized, CancellationToken cancel = default)
    {
        using OrtSession session = OrtSession.Load(quantized, new OrtOptions { Threads = Threads });
        return Compare(session, cancel);
    }

    /// <summary>Outputs of a loaded model against the float outputs.</summary>
    public Agreement Compare(IModelRunner session, CancellationToken cancel = default)
    {
        var comparison = new OutputComparison();
        _reference.Pairs(session, _reference.Samples, (_, expected, actual) => comparison.Add(expected, actual), cancel);
        ImmutableArray<OutputFidelity> results = comparison.Results();
        return new Agreement(
            results.Min(r => r.SqnrDecibels),
            results.Min(r => r.Cosine),
            results is [{ } only] ? only.ArgmaxAgreement : null,
            JudgedSamples);
    }

    /// <inheritdoc/>
    public double Loss(QuantizationPlan plan, int samples, CancellationToken cancel = default)
    {
        using OrtSession session = OrtSession.Load(QdqExport.Apply(Model, plan), new OrtOptions { Threads = Threads });
        var loss = new OutputLoss();
        _reference.Pairs(session, samples, loss.Add, cancel);
        return loss.Mean;
    }

    /// <inheritdoc/>
    public QuantizedTensor Quantize(QuantizationPlan plan, InputSite site, float[] values, LayerStatistics? statistics, IWeightMethod? method, CancellationToken cancel = default) =>
        _builder.Quantize(plan, site, values, statistics, method, cancel);

    /// <inheritdoc/>
    public void Dispose() => _reference.Dispose();

    /// <summary>The float model, its samples, and its outputs on them, which are computed once where they are small enough to keep.</summary>
    private sealed class Reference(
        Model model, IReadOnlyDictionary<string, ObservedValue> values, Dictionary<string, TensorStatistics> statistics, IDataSet? data, int samples, int threads) : IDisposable
    {
        private readonly OrtSession _float = OrtSession.Load(model, new OrtOptions { Threads = threads });
        private readonly string[] _outputs = [.. model.Graph.Outputs.Where(o => values.TryGetValue(o.Name, out ObservedValue? v) && v.Type is ElementType.Float).Select(o => o.Name)];
        private readonly Dictionary<int, List<IReadOnlyDictionary<string, Tensor>>> _kept = []; // by number of samples

        public Model Model => model;

        public IReadOnlyDictionary<string, ObservedValue> Values => values;

        public Dictionary<string, TensorStatistics> Statistics => statistics;

        public IDataSet? Data => data;

        public int Samples => samples;

        public int Threads => threads;

        public IEnumerable<Batch> Batches(int count, CancellationToken cancel) =>
            data is null ? [] : Halftone.Data.Batches.Of(data, Halftone.Data.Batches.Evenly(data.Count, count), 8, new SkippedFiles(), cancel);

        public void Pairs(IModelRunner session, int count, Action<Batch, IReadOnlyDictionary<string, Tensor>, IReadOnlyDictionary<string, Tensor>> see, CancellationToken cancel)
        {
            if (data is null)
            {
                throw new InvalidOperationException("There are no samples to compare outputs on.");
            }

            bool known = _kept.TryGetValue(count, out List<IReadOnlyDictionary<string, Tensor>>? kept);
            long bytes = 0;
            kept ??= [];
            var floatState = new CarriedState(data);
            var state = new CarriedState(data);
            int at = 0;
            foreach (Batch batch in Batches(count, cancel))
            {
                IReadOnlyDictionary<string, Tensor> expected = known ? kept[at++] : floatState.Run(_float, batch, _outputs, cancel);
                if (!known && bytes <= MostKept)
                {
                    bytes += expected.Values.Sum(t => t.ByteLength);
                    kept.Add(expected);
                }

                see(batch, expected, state.Run(session, batch, _outputs, cancel));
            }

            if (!known && bytes <= MostKept)
            {
                _kept[count] = kept;
            }
        }

        public void Dispose() => _float.Dispose();
    }
}
