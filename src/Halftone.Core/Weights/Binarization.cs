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
        ReadOnlySpan<float> values = weight.Values.Span;
        GroupExtremes.RequireFinite(values);
        var words = new ulong[BinaryBasisTensor.WordCount(values.Length)];
        BinaryBasisTensor.PackSigns(values, words);
        return new BinaryBasisTensor(weight.Shape, target.Granularity, [.. Scales(weight, target.Granularity)], words);
    }

    private float[] Scales(WeightView weight, Granularity granularity)
    {
        ReadOnlySpan<float> values = weight.Values.Span;
        int groups = granularity.GroupCount(weight.Shape.AsSpan());
        var sums = new double[groups];
        var counts = new int[groups];
        foreach (GroupRun run in granularity.Runs(weight.Shape))
        {
            for (int i = 0; i < run.Length; i++)
            {
                sums[run.Group + (i * run.Step)] += Math.Abs(values[run.Start + i]);
                counts[run.Group + (i * run.Step)]++;
            }
        }

        return [.. sums.Select((sum, g) => Bare ? 1 : (float)(sum / Math.Max(1, counts[g])))];
    }
}
