using System.Collections.Immutable;
using System.Security.Cryptography;
using Halftone.Data;
using Halftone.Data.Metrics;
using Halftone.Onnx;
using Halftone.OnnxRuntime;
using Halftone.PostTraining.Calibration;

namespace Halftone.PostTraining.Proofs;

/// <summary>A metric of one model on some samples.</summary>
/// <param name="Metric">Its id.</param>
/// <param name="Value">In the metric's unit.</param>
/// <param name="Low">95 % interval; NaN where none is known.</param>
/// <param name="High">95 % interval.</param>
/// <param name="Samples">Number of samples.</param>
public sealed record MetricValue(string Metric, double Value, double Low, double High, int Samples);

/// <summary>A model measured once, to compare many others with.</summary>
/// <param name="Model">The model.</param>
/// <param name="Value">Its metric; null where the metric compares two models.</param>
/// <param name="Scores">Of each sample.</param>
/// <param name="Samples">SHA-256 of the samples: inputs and labels.</param>
public sealed record Baseline(Model Model, MetricValue? Value, ImmutableArray<double> Scores, string Samples);

/// <summary>What is measured: a metric on samples that did not calibrate. Models are measured alone, or in pairs on the same samples.</summary>
public sealed class AccuracyGoal
{
    private const int BatchSize = 32;

    private readonly IDataSet _data;
    private readonly IMetric _metric;
    private readonly Func<Model, IModelRunner> _load;

    private AccuracyGoal(IDataSet data, IMetric metric, Func<Model, IModelRunner> load) => (_data, _metric, _load) = (data, metric, load);

    /// <summary>Id of the metric.</summary>
    public string Metric => _metric.Name;

    /// <summary>What it is measured on, in one line.</summary>
    public string Samples => _data.Description;

    /// <summary>Its unit: "%", "dB" or nothing.</summary>
    public string Unit => _metric.Unit;

    /// <summary>Samples that could not be read and were left out, so far.</summary>
    public SkippedFiles Skipped { get; } = new();

    /// <summary>Whether more is better.</summary>
    public bool HigherIsBetter => _metric.HigherIsBetter;

    /// <summary>A metric by id, with options behind a colon (<c>psnr:border=4</c>), or where none is named the one that fits the data; models run in ONNX Runtime.</summary>
    /// <exception cref="DataException">The data has nothing to measure by.</exception>
    /// <exception cref="ArgumentException">There is no such metric.</exception>
    public static AccuracyGoal Of(IDataSet data, string? metric, int threads) => Of(data, metric, model => OrtSession.Load(model, new OrtOptions { Threads = threads }));

    /// <summary>The same with models in whatever runs them.</summary>
    /// <param name="data">The samples.</param>
    /// <param name="metric">Id and options; null for the metric that fits the data.</param>
    /// <param name="load">Makes a model ready.</param>
    /// <exception cref="DataException">The data has nothing to measure by.</exception>
    /// <exception cref="ArgumentException">There is no such metric.</exception>
    public static AccuracyGoal Of(IDataSet data, string? metric, Func<Model, IModelRunner> load) =>
        new(
            data,
            MetricList.All.Read(metric ?? Fitting(data) ?? throw new DataException($"{data.Description} has neither labels nor targets to measure by: give --labels or --targets, or name a --metric.")),
            load);

    /// <summary>Whether anything can be measured.</summary>
    public static bool Fits(IDataSet data, string? metric) => data.Count > 0 && (metric ?? Fitting(data)) is not null;

    /// <summary>The metric of a model.</summary>
    public MetricValue Measure(Model model, CancellationToken cancel = default)
    {
        if (_metric.Need is MetricNeed.Reference)
        {
            throw new DataException($"{Metric} compares two models; use 'halftone compare'.");
        }

        IMeasurement measurement = _metric.Start();
        int samples = 0;
        foreach ((Sample sample, IReadOnlyDictionary<string, Tensor> outputs) in Outputs(model, cancel))
        {
            measurement.Add(sample, outputs);
            samples++;
        }

        return Value(measurement, samples);
    }

    /// <summary>A model measured once, for <see cref="Compare(Baseline, Model, CancellationToken)"/>.</summary>
    public Baseline Measured(Model model, CancellationToken cancel = default)
    {
        bool alone = _metric.Need is not MetricNeed.Reference;
        IMeasurement measurement = _metric.Start();
        var scores = ImmutableArray.CreateBuilder<double>();
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach ((Sample sample, IReadOnlyDictionary<string, Tensor> outputs) in Outputs(model, cancel))
        {
            scores.Add(alone ? measurement.Add(sample, outputs) : double.NaN);
            SampleHash.Add(hash, sample);
        }

        return new Baseline(model, alone ? Value(measurement, scores.Count) : null, scores.ToImmutable(), Convert.ToHexStringLower(hash.GetHashAndReset()));
    }

    /// <summary>A model against one that was measured before, on the same samples.</summary>
    public AccuracyEntry Compare(Baseline before, Model after, CancellationToken cancel = default)
    {
        if (before.Value is not { } f)
        {
            return Compare(before.Model, after, cancel);
        }

        IMeasurement measurement = _metric.Start();
        var difference = new PairedDifference();
        int samples = 0;
        foreach ((Sample sample, IReadOnlyDictionary<string, Tensor> outputs) in Outputs(after, cancel))
        {
            difference.Add(before.Scores[samples++], measurement.Add(sample, outputs));
        }

        return Entry(f, Value(measurement, samples), difference, samples);
    }

    /// <summary>Two models on the same samples.</summary>
    public AccuracyEntry Compare(Model before, Model after, CancellationToken cancel = default)
    {
        (IMeasurement Before, IMeasurement After) measurements = (_metric.Start(), _metric.Start());
        var difference = new PairedDifference();
        int samples = 0;
        using IModelRunner first = _load(before);
        using IModelRunner second = _load(after);
        (CarriedState Before, CarriedState After) states = (new(_data), new(_data));
        foreach (Batch batch in Batches.Of(_data, null, BatchSize, Skipped, cancel))
        {
            var a = batch.Split(states.Before.Run(first, batch, null, cancel));
            var b = batch.Split(states.After.Run(second, batch, null, cancel));
            foreach (((Sample sample, IReadOnlyDictionary<string, Tensor> x), (Sample _, IReadOnlyDictionary<string, Tensor> y)) in a.Zip(b))
            {
                difference.Add(measurements.Before.Add(sample, x, x), measurements.After.Add(sample, y, x));
                samples++;
            }
        }

        return Entry(Value(measurements.Before, samples), Value(measurements.After, samples), difference, samples);
    }

    private IEnumerable<(Sample Sample, IReadOnlyDictionary<string, Tensor> Outputs)> Outputs(Model model, CancellationToken cancel)
    {
        using IModelRunner session = _load(model);
        var state = new CarriedState(_data);
        foreach (Batch batch in Batches.Of(_data, null, BatchSize, Skipped, cancel))
        {
            foreach ((Sample sample, IReadOnlyDictionary<string, Tensor> outputs) in batch.Split(state.Run(session, batch, null, cancel)))
            {
                yield return (sample, outputs);
            }
        }
    }

    private AccuracyEntry Entry(MetricValue f, MetricValue q, PairedDifference difference, int samples)
    {
        double unit = _metric.Unit == "%" ? 100 : 1;
        return new AccuracyEntry(Metric, f.Value, f.Low, f.High, q.Value, q.Low, q.High, q.Value - f.Value, unit * difference.StandardError, samples, HigherIsBetter);
    }

    private static MetricValue Value(IMeasurement measurement, int samples)
    {
        Measured m = measurement.Result();
        return new MetricValue(m.Metric, m.Value, m.Interval?.Low ?? double.NaN, m.Interval?.High ?? double.NaN, samples);
    }

    private static string? Fitting(IDataSet data)
    {
        if (data.HasLabels)
        {
            return Top1.Info.Id;
        }

        Sample? sample = data.Count > 0 ? Batches.Of(data, null, 1, new SkippedFiles(1)).Select(b => b.Samples[0]).FirstOrDefault() : null;
        bool tokens = sample is not null && sample.Inputs.Count == 1 && sample.Inputs.Values.Single() is { Type: ElementType.Int64 or ElementType.Int32, Dims.Length: 2 };
        return tokens ? Perplexity.Info.Id
            : sample?.Target is { Dims.Length: 4 } ? Psnr.Info.Id
            : sample?.Target is not null ? MeanAbsoluteError.Info.Id : null;
    }
}
