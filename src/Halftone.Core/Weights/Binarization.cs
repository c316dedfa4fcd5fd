using Halftone.Formats;

namespace Halftone.Weights;

/// <summary>The sign of each weight, times the mean magnitude of its group.</summary>
/// <remarks>
/// <para>alpha * sign(w), sign(0) = +1; alpha = mean of |w| over the group, which of all factors has the least squared error, or 1 with <see cref="Bare"/>.</para>
/// <para>From: Gong et al. 2014, arXiv:1412.6115, section 3.2.1, which takes the bare sign; that needs a normalization behind the layer to set the scale right, so it is an option here.</para>
/// </remarks>
public sealed record Binarization : IWeightMethod, IDescribed
{
    /// <inheritdoc/>
    public static MethodInfo Info { get; } = new("binarization", "Binarization: the sign alone", "Gong et al. 2014, arXiv:1412.6115");

    /// <summary>Whether the sign stands alone, as in the paper.</summary>
    public bool Bare { get; init; }

    /// <inheritdoc/>
    public QuantizedTensor Quantize(WeightView weight, WeightTarget target, LayerStatistics statistics, CancellationToken cancel = default)
    {
        cancel.ThrowIfCancellationRequested();
        BinaryBasisTensor signs = Bwn.Signs(weight, new GroupedValues(weight, target.Granularity), target.Granularity);
        return Bare ? new BinaryBasisTensor(signs.Shape, signs.Granularity, [.. signs.Scales.Select(_ => 1f)], signs.Bases == 0 ? [] : signs.Basis(0)) : signs;
    }
}
