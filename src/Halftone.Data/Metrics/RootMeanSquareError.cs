namespace Halftone.Data.Metrics;

/// <summary>Root of the mean over samples of mean (y - target)^2, in the target's unit; a sample's own score is its mean square.</summary>
public sealed record RootMeanSquareError : IMetric, IDescribed
{
    /// <inheritdoc/>
    public static MethodInfo Info { get; } = new("root-mean-square-error", "Root mean square error", "Willmott and Matsuura 2005, Advantages of the mean absolute error over the root mean square error");

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
            return values.Zip(target, (y, t) => ((double)y - t) * ((double)y - t)).Average();
        },
        Math.Sqrt);
}
