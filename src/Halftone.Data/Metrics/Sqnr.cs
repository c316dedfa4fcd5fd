namespace Halftone.Data.Metrics;

/// <summary>Signal to quantization noise of the outputs against the reference model's, in dB; the worst output where there are several.</summary>
/// <remarks>10 log10(sum r^2 / sum (y - r)^2), sums over all samples; infinite without noise, minus infinite where y is not finite.</remarks>
public sealed record Sqnr : IMetric, IDescribed
{
    /// <inheritdoc/>
    public static MethodInfo Info { get; } = new("sqnr", "Signal to quantization noise ratio", "Widrow and Kollar 2008, Quantization Noise");

    /// <summary>The output looked at; null for every float output.</summary>
    public string? Output { get; init; }

    /// <inheritdoc/>
    public string Name => Info.Id;

    /// <inheritdoc/>
    public string Unit => "dB";

    /// <inheritdoc/>
    public bool HigherIsBetter => true;

    /// <inheritdoc/>
    public MetricNeed Need => MetricNeed.Reference;

    /// <inheritdoc/>
    public IMeasurement Start() => new SumsPerOutput(Name, Output, Powers, (signal, noise, _) => noise == 0 ? double.PositiveInfinity : 10 * Math.Log10(signal / noise));

    private static (double Signal, double Noise) Powers(float[] values, float[] reference)
    {
        double signal = 0;
        double noise = 0;
        for (int i = 0; i < values.Length; i++)
        {
            double error = (double)values[i] - reference[i];
            signal += (double)reference[i] * reference[i];
            noise += double.IsFinite(error) ? error * error : double.PositiveInfinity;
        }

        return (signal, noise);
    }
}
