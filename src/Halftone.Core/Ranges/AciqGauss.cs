using Halftone.Statistics;

namespace Halftone.Ranges;

/// <summary>The clipping that errs least on a normal distribution: mean +- a, with a from the standard deviation (<see cref="AnalyticClipping"/>).</summary>
public sealed record AciqGauss : IRangeMethod, IDescribed
{
    /// <inheritdoc/>
    public static MethodInfo Info { get; } = new("aciq-gauss", "ACIQ, Gauss", "Banner, Nahshan, Soudry 2019, arXiv:1810.05723");

    /// <inheritdoc/>
    public ClipRange Estimate(TensorStatistics statistics, QuantizationGrid grid) => statistics.Count == 0
        ? default
        : AnalyticClipping.Around(
            statistics, AnalyticClipping.Deviation(statistics) * AnalyticClipping.GaussMultiplier(AnalyticClipping.Levels(statistics, grid)));
}
