using Halftone.Statistics;

namespace Halftone.Ranges;

/// <summary>The least and the greatest value seen.</summary>
public sealed record MinMax : IRangeMethod, IDescribed
{
    /// <inheritdoc/>
    public static MethodInfo Info { get; } = new("min-max", "Minimum and maximum", "Jacob et al. 2018, arXiv:1712.05877");

    /// <inheritdoc/>
    public ClipRange Estimate(TensorStatistics statistics, QuantizationGrid grid) => new(statistics.Min, statistics.Max);
}
