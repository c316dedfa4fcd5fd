using Halftone.Formats;
using Halftone.Statistics;

namespace Halftone.Weights;

/// <summary>Binary weights: alpha * sign(w) for each group, alpha = mean|w|, which errs least: sum w^2 - n alpha^2.</summary>
/// <remarks>From: Rastegari, Ordonez, Redmon, Farhadi 2016, XNOR-Net, arXiv:1603.05279, section 3.1; a group is an output filter there. The weights of XNOR-Net are these too.
/// The sign of 0 is +1. One bit, whatever the target's.</remarks>
public sealed record Bwn : IWeightMethod, IDescribed
{
    /// <inheritdoc/>
    public static MethodInfo Info { get; } = new("bwn", "BWN: binary weights", "Rastegari et al. 2016, arXiv:1603.05279");

    /// <inheritdoc/>
    public QuantizedTensor Quantize(WeightView weight, WeightTarget target, LayerStatistics statistics, CancellationToken cancel = default)
    {
        cancel.ThrowIfCancellationRequested();
        return Signs(weight, new GroupedValues(weight, target.Granularity), target.Granularity);
    }

    /// <summary>The signs, each group with its mean magnitude.</summary>
    internal static BinaryBasisTensor Signs(WeightView weight, GroupedValues values, Granularity granularity)
    {
        var words = new ulong[BinaryBasisTensor.WordCount(weight.Values.Length)];
        BinaryBasisTensor.PackSigns(weight.Values.Span, words);
        var alphas = new float[values.Count];
        for (int g = 0; g < alphas.Length; g++)
        {
            alphas[g] = values[g].IsEmpty ? 0 : (float)(Moments.Of(values[g]).Absolute / values[g].Length);
        }

        return new BinaryBasisTensor(weight.Shape, granularity, [.. alphas], words);
    }
}
