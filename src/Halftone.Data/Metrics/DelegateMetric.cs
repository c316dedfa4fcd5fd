using Halftone.Onnx;

namespace Halftone.Data.Metrics;

/// <summary>The mean of a function of one's own.</summary>
/// <param name="Name">What it is called in tables.</param>
/// <param name="Score">A sample's score from sample, outputs and (where needed) the reference's outputs; NaN leaves the sample out.</param>
public sealed record DelegateMetric(string Name, Func<Sample, IReadOnlyDictionary<string, Tensor>, IReadOnlyDictionary<string, Tensor>?, double> Score) : IMetric
{
    /// <inheritdoc/>
    public string Unit { get; init; } = "";

    /// <inheritdoc/>
    public bool HigherIsBetter { get; init; } = true;

    /// <inheritdoc/>
    public MetricNeed Need { get; init; }

    /// <inheritdoc/>
    public IMeasurement Start() => new MeanScore(Name, Score, mean => mean);
}
