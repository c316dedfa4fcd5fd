using System.Collections.Immutable;
using Halftone.Onnx;

namespace Halftone.Data.Metrics;

/// <summary>What a metric compares the outputs with.</summary>
public enum MetricNeed
{
    /// <summary>Nothing beside the sample.</summary>
    Nothing,

    /// <summary>The sample's class.</summary>
    Label,

    /// <summary>The sample's target.</summary>
    Target,

    /// <summary>The outputs of the reference model on the same sample.</summary>
    Reference,
}

/// <summary>A number for how good a model's outputs are.</summary>
public interface IMetric
{
    /// <summary>What it is called in tables.</summary>
    string Name { get; }

    /// <summary>Its unit: "%", "dB" or nothing.</summary>
    string Unit { get; }

    /// <summary>Whether more is better.</summary>
    bool HigherIsBetter { get; }

    /// <summary>What it compares with.</summary>
    MetricNeed Need { get; }

    /// <summary>Starts measuring; memory does not grow with the samples.</summary>
    IMeasurement Start();
}

/// <summary>One measuring of a metric.</summary>
public interface IMeasurement
{
    /// <summary>Takes a sample's outputs.</summary>
    /// <param name="sample">The sample.</param>
    /// <param name="outputs">The model's outputs on it, by name.</param>
    /// <param name="reference">The reference model's outputs on it, where the metric needs them.</param>
    /// <returns>The sample's own score, for pairing two models; NaN where the sample has none.</returns>
    /// <exception cref="DataException">The sample lacks what the metric needs, or it does not fit the outputs.</exception>
    double Add(Sample sample, IReadOnlyDictionary<string, Tensor> outputs, IReadOnlyDictionary<string, Tensor>? reference = null);

    /// <summary>The result so far.</summary>
    /// <exception cref="InvalidOperationException">Nothing was measured.</exception>
    Measured Result();
}

/// <summary>What a metric gave.</summary>
/// <param name="Metric">Its name.</param>
/// <param name="Value">The value, in its unit.</param>
/// <param name="Count">Over how many samples (perplexity: tokens).</param>
public sealed record Measured(string Metric, double Value, long Count)
{
    /// <summary>Ends of the 95 % interval; null where none is known.</summary>
    public (double Low, double High)? Interval { get; init; }

    /// <summary>Value of each output where there are several.</summary>
    public ImmutableDictionary<string, double> PerOutput { get; init; } = ImmutableDictionary<string, double>.Empty;
}
