using Halftone.Statistics;

namespace Halftone.Ranges;

/// <summary>The range with the least mean of |x - Q(x)|^p on the histogram (<see cref="ExpectedError"/>).</summary>
public sealed record LeastLp : IRangeMethod, IDescribed
{
    /// <inheritdoc/>
    public static MethodInfo Info { get; } = new("lp", "Least Lp error", "Nahshan et al. 2019, LAPQ, arXiv:1911.07190");

    /// <summary>p: 1 to 8; larger ones weigh large errors, so clip less.</summary>
    public double Exponent
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 1);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(value, 8);
            field = value;
        }
    } = 2.4;

    /// <inheritdoc/>
    public ClipRange Estimate(TensorStatistics statistics, QuantizationGrid grid) => ErrorSearch.Best(statistics, grid, Exponent);
}
