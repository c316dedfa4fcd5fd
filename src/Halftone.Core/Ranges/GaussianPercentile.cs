using Halftone.Numerics;
using Halftone.Statistics;

namespace Halftone.Ranges;

/// <summary>The percentile that a normal distribution with the mean and deviation of the values would have.</summary>
/// <remarks>
/// <para>mean +- sigma * quantile(Share) of the standard normal distribution. Values of one sign are taken as half of a normal distribution around 0:
/// sigma^2 = mean of x^2 over those that are not 0, and the end at sigma * quantile((1 + Share) / 2).</para>
/// <para>Chosen here: the fit of one-sided values; the paper fits both sides before its ReLU.</para>
/// </remarks>
public sealed record GaussianPercentile : IRangeMethod, IDescribed
{
    /// <inheritdoc/>
    public static MethodInfo Info { get; } =
        new("gaussian-percentile", "Percentile of a fitted normal distribution (FQN)", "Li et al. 2019, Fully Quantized Network for Object Detection, CVPR");

    /// <summary>Share of the values below the upper end, above 0.5 and below 1.</summary>
    public double Share
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(value, 0.5);
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(value, 1);
            field = value;
        }
    } = 0.999;

    /// <inheritdoc/>
    public ClipRange Estimate(TensorStatistics statistics, QuantizationGrid grid)
    {
        if (statistics.OneSided())
        {
            return statistics.Within(AnalyticClipping.Deviation(statistics) * Normal.Quantile((1 + Share) / 2));
        }

        double reach = AnalyticClipping.Deviation(statistics) * Normal.Quantile(Share);
        return statistics.Within(statistics.Mean - reach, statistics.Mean + reach);
    }
}
