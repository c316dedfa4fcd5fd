using Halftone.Statistics;

namespace Halftone.Ranges;

/// <summary>Clips the share of the values that lies farthest out.</summary>
/// <remarks>Symmetric grids and values of one sign: |x| is clipped at the quantile <see cref="Percent"/> of |x|. Else half of the share is clipped at
/// either end. From the histogram, where values are taken as evenly spread within a bin; over all batches together, not a mean of their percentiles.</remarks>
public sealed record Percentile : IRangeMethod, IDescribed
{
    /// <inheritdoc/>
    public static MethodInfo Info { get; } = new("percentile", "Percentile", "ONNX Runtime PercentileCalibrater; NVIDIA pytorch-quantization");

    /// <summary>Share of the values that is kept, above 0 and at most 100.</summary>
    public double Percent
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfNegativeOrZero(value);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(value, 100);
            field = value;
        }
    } = 99.99;

    /// <inheritdoc/>
    public ClipRange Estimate(TensorStatistics statistics, QuantizationGrid grid)
    {
        double share = Percent / 100;
        if (grid.Symmetric || statistics.OneSided())
        {
            return statistics.Within(statistics.Histogram.Absolute().Quantile(share));
        }

        double cut = (1 - share) / 2;
        return statistics.Within(statistics.Histogram.Quantile(cut), statistics.Histogram.Quantile(1 - cut));
    }
}
