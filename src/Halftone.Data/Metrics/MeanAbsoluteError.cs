namespace Halftone.Data.Metrics;

/// <summary>Mean over samples of mean |y - target|, in the target's unit.</summary>
public sealed record MeanAbsoluteError : IMetric, IDescribed
{
    /// <inheritdoc/>
    public static MethodInfo Info { get; } = new("mean-absolute-error", "Mean absolute error", "Willmott and Matsuura 2005, Advantages of the mean absolute error over the root mean square error");

    /// <summary>The output with the values; null for the only one.</summary>
    public string? Output { get; init; }

    /// <inheritdoc/>
    public string Name => Info.Id;

    /// <inheritdoc/>
    public string Unit => "";

    /// <inheritdoc/>
    public bool HigherIsBetter => false;

    /// <inheritdoc/>
    public MetricNeed Need => MetricNeed.Target;

    /// <inheritdoc/>
    public IMeasurement Start() => new MeanScore(
        Name,
        (sample, outputs, _) =>
        {
            float[] values = Outputs.Pick(outputs, Output).ToFloats();
            float[] target = Outputs.Target(sample, Outputs.Pick(outputs, Output), Name);
            return values.Zip(target, (y, t) => Math.Abs((double)y - t)).Average();
        },
        mean => mean);
}
