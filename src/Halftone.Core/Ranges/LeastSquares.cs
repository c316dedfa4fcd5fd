using Halftone.Statistics;

namespace Halftone.Ranges;

/// <summary>The range with the least mean squared error on the histogram (<see cref="ExpectedError"/>).</summary>
public sealed record LeastSquares : IRangeMethod, IDescribed
{
    /// <inheritdoc/>
    public static MethodInfo Info { get; } = new("mse", "Least mean squared error (OMSE)", "Choukroun et al. 2019, arXiv:1902.06822");

    /// <inheritdoc/>
    public ClipRange Estimate(TensorStatistics statistics, QuantizationGrid grid) => ErrorSearch.Best(statistics, grid, 2);
}
