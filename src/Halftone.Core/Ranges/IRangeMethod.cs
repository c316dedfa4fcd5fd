using Halftone.Numerics;
using Halftone.Statistics;

namespace Halftone.Ranges;

/// <summary>Where values are clipped.</summary>
/// <param name="Min">Lower end.</param>
/// <param name="Max">Upper end.</param>
public readonly record struct ClipRange(double Min, double Max);

/// <summary>The codes a range is for, and whether their zero point is fixed to the middle.</summary>
/// <param name="Codes">The codes.</param>
/// <param name="Symmetric">Whether the range is +-max.</param>
public readonly record struct QuantizationGrid(IntegerGrid Codes, bool Symmetric)
{
    /// <summary>Scale and zero point of a range on this grid.</summary>
    public AffineParameters Parameters(ClipRange range) => AffineParameters.FromRange(range.Min, range.Max, Codes, Symmetric);
}

/// <summary>Chooses the clipping range of a tensor from its statistics; pure.</summary>
public interface IRangeMethod
{
    /// <summary>The range. It never reaches beyond the observed minimum and maximum, but for the 0 that the parameters add.</summary>
    ClipRange Estimate(TensorStatistics statistics, QuantizationGrid grid);
}
