using Halftone.Statistics;

namespace Halftone.Ranges;

/// <summary>The clipping that errs least on a Laplace distribution: mean +- a, with a from b = E|x - mean| (<see cref="AnalyticClipping"/>).</summary>
public sealed record AciqLaplace : IRangeMethod, IDescribed
{
    /// <inheritdoc/>
    public static MethodInfo Info { get; } = new("aciq-laplace", "ACIQ, Laplace", "Banner, Nahshan, Soudry 2019, arXiv:1810.05723");

    /// <inheritdoc/>
    public ClipRange Estimate(TensorStatistics statistics, QuantizationGrid grid) => statistics.Count == 0
        ? default
        : AnalyticClipping.Around(
            statistics, AnalyticClipping.MeanDistance(statistics) * AnalyticClipping.LaplaceMultiplier(AnalyticClipping.Levels(statistics, grid)));
}
