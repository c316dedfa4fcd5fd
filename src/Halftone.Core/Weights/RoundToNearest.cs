using Halftone.Formats;

namespace Halftone.Weights;

/// <summary>The range of each group from its minimum and maximum, and every value on the nearest code.</summary>
/// <remarks>A group of zeros gets scale 1. With a grid that is <see cref="Numerics.IntegerGrid.Narrow"/> and symmetric this is max|w| / (2^(bits-1) - 1).</remarks>
public sealed record RoundToNearest : IWeightMethod, IDescribed
{
    /// <inheritdoc/>
    public static MethodInfo Info { get; } = new("round-to-nearest", "Round to nearest", "Krishnamoorthi 2018, arXiv:1806.08342");

    /// <inheritdoc/>
    public QuantizedTensor Quantize(WeightView weight, WeightTarget target, LayerStatistics statistics, CancellationToken cancel = default)
    {
        cancel.ThrowIfCancellationRequested();
        return AffineWeights.Nearest(weight, target, AffineWeights.FromExtremes(weight, target), cancel);
    }
}
