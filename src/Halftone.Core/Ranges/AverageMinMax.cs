using Halftone.Statistics;

namespace Halftone.Ranges;

/// <summary>The mean over batches of their extremes.</summary>
public sealed record AverageMinMax : IRangeMethod, IDescribed
{
    /// <inheritdoc/>
    public static MethodInfo Info { get; } = new("average", "Average of minima and maxima", "Distiller, 'averaging' of activation statistics");

    /// <inheritdoc/>
    public ClipRange Estimate(TensorStatistics statistics, QuantizationGrid grid) => new(statistics.AverageMin, statistics.AverageMax);
}
