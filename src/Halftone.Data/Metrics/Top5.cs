namespace Halftone.Data.Metrics;

/// <summary>Share of samples whose class is among the model's first five, in %.</summary>
/// <remarks>The interval is Wilson's. Samples without a class are left out. Of equal scores the lower class stands first.</remarks>
public sealed record Top5 : IMetric, IDescribed
{
    /// <inheritdoc/>
    public static MethodInfo Info { get; } = new("top-5", "Top-5 accuracy", "Russakovsky et al. 2015, ImageNet Large Scale Visual Recognition Challenge, arXiv:1409.0575");

    /// <summary>The output with the scores; null for the only one.</summary>
    public string? Output { get; init; }

    /// <inheritdoc/>
    public string Name => Info.Id;

    /// <inheritdoc/>
    public string Unit => "%";

    /// <inheritdoc/>
    public bool HigherIsBetter => true;

    /// <inheritdoc/>
    public MetricNeed Need => MetricNeed.Label;

    /// <inheritdoc/>
    public IMeasurement Start() => new MeanScore(Name, (sample, outputs, _) => TopK.Hit(sample, Outputs.Pick(outputs, Output), 5), share => 100 * share, share: true);
}
