using Halftone.Formats;
using Halftone.Numerics;

namespace Halftone.Weights;

/// <summary>The steps that affine weight methods share: the parameters of each group, and the tensor of the codes.</summary>
internal static class AffineWeights
{
    /// <summary>Scale and zero point of each group from its extremes.</summary>
    /// <exception cref="ArgumentException">A value is not finite.</exception>
    public static AffineParameters[] FromExtremes(WeightView weight, WeightTarget target)
    {
        GroupExtremes extremes = GroupExtremes.Of(weight.Values.Span, weight.Shape, target.Granularity);
        return [.. extremes.Min.Zip(extremes.Max, (min, max) => AffineParameters.FromRange(min, max, target.Codes, target.Symmetric))];
    }

    /// <summary>Every value on the nearest code of its group.</summary>
    public static AffineTensor Nearest(WeightView weight, WeightTarget target, AffineParameters[] groups, CancellationToken cancel)
    {
        ReadOnlySpan<float> values = weight.Values.Span;
        var codes = new int[values.Length];
        foreach (GroupRun run in target.Granularity.Runs(weight.Shape))
        {
            cancel.ThrowIfCancellationRequested();
            if (run.Step == 0)
            {
                AffineSpan.Quantize(values.Slice(run.Start, run.Length), groups[run.Group], target.Codes, codes.AsSpan(run.Start, run.Length));
                continue;
            }

            for (int i = 0; i < run.Length; i++)
            {
                codes[run.Start + i] = groups[run.Group + i].Quantize(values[run.Start + i], target.Codes);
            }
        }

        return Tensor(weight, target, groups, codes);
    }

    /// <summary>The tensor of codes and the parameters of their groups.</summary>
    public static AffineTensor Tensor(WeightView weight, WeightTarget target, AffineParameters[] groups, ReadOnlySpan<int> codes) => new(
        weight.Shape, target.Granularity, target.Codes, codes, [.. groups.Select(g => g.Scale)], [.. groups.Select(g => g.ZeroPoint)]);
}
