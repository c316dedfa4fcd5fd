namespace Halftone.Data.Metrics;

/// <summary>Cosine of the angle between the outputs and the reference model's, the mean over samples, -1..1; the worst output where there are several.</summary>
/// <remarks>sum y r / sqrt(sum y^2 sum r^2) of a sample; 1 if both are zero, 0 if one is, or if y is not finite.</remarks>
public sealed record CosineSimilarity : IMetric, IDescribed
{
    /// <inheritdoc/>
    public static MethodInfo Info { get; } = new("cosine", "Cosine similarity", "Salton and McGill 1983, Introduction to Modern Information Retrieval");

    /// <summary>The output looked at; null for every float output.</summary>
    public string? Output { get; init; }

    /// <inheritdoc/>
    public string Name => Info.Id;

    /// <inheritdoc/>
    public string Unit => "";

    /// <inheritdoc/>
    public bool HigherIsBetter => true;

    /// <inheritdoc/>
    public MetricNeed Need => MetricNeed.Reference;

    /// <inheritdoc/>
    public IMeasurement Start() => new SumsPerOutput(Name, Output, (y, r) => (Cosine(y, r), 0), (sum, _, count) => sum / count);

    private static double Cosine(float[] y, float[] r)
    {
        double cross = 0;
        double own = 0;
        double other = 0;
        for (int i = 0; i < y.Length; i++)
        {
            cross += (double)y[i] * r[i];
            own += (double)y[i] * y[i];
            other += (double)r[i] * r[i];
        }

        double cosine = cross / Math.Sqrt(own * other);
        return own == 0 && other == 0 ? 1 : double.IsFinite(cosine) ? cosine : 0;
    }
}
