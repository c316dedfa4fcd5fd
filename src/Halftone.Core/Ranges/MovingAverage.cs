using Halftone.Statistics;

namespace Halftone.Ranges;

/// <summary>The moving average of the batches' extremes: the first batch sets it, each later one moves it by 0.01 of the difference.</summary>
public sealed record MovingAverage : IRangeMethod, IDescribed
{
    /// <inheritdoc/>
    public static MethodInfo Info { get; } = new("moving-average", "Moving average of minima and maxima", "PyTorch MovingAverageMinMaxObserver");

    /// <inheritdoc/>
    public ClipRange Estimate(TensorStatistics statistics, QuantizationGrid grid) => new(statistics.MovingMin, statistics.MovingMax);
}
