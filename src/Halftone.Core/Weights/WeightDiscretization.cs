using Halftone.Formats;
using Halftone.Numerics;

namespace Halftone.Weights;

/// <summary>Each weight becomes the nearest of few levels at equal distances, the outermost of which are the least and the greatest weight of the group.</summary>
/// <remarks>
/// <para>level_k = min + k * (max - min) / (2^bits - 1), k = 0..2^bits - 1; w becomes level round((w - min) / step). Unlike affine grids no level need be zero, and both ends of the range are levels.</para>
/// <para>From: Fiesler, Choudry, Caulfield 1990, "A weight discretization paradigm for optical neural networks", Proc. SPIE 1281, pp. 164-173: a beam of light has few intensities that can be told apart. This is the
/// paper's discretization of a trained network; its training on discretized weights is not part of it.</para>
/// <para>A group of one value gets step 1 and is kept exactly.</para>
/// </remarks>
public sealed record WeightDiscretization : IWeightMethod, IDescribed
{
    /// <inheritdoc/>
    public static MethodInfo Info { get; } = new("weight-discretization", "Weight discretization", "Fiesler et al. 1990, Proc. SPIE 1281");

    /// <inheritdoc/>
    public QuantizedTensor Quantize(WeightView weight, WeightTarget target, LayerStatistics statistics, CancellationToken cancel = default)
    {
        cancel.ThrowIfCancellationRequested();
        GroupExtremes extremes = GroupExtremes.Of(weight.Values.Span, weight.Shape, target.Granularity);
        float[] steps = [.. extremes.Min.Zip(extremes.Max, (min, max) => Step(min, max, target.Codes))];
        ReadOnlySpan<float> values = weight.Values.Span;
        var codes = new int[values.Length];
        foreach (GroupRun run in target.Granularity.Runs(weight.Shape))
        {
            cancel.ThrowIfCancellationRequested();
            for (int i = 0; i < run.Length; i++)
            {
                int group = run.Group + (i * run.Step);
                double level = Math.Round(((double)values[run.Start + i] - extremes.Min[group]) / steps[group]);
                codes[run.Start + i] = target.Codes.Min + (int)Math.Min(level, target.Codes.Levels - 1);
            }
        }

        int[] zeros = [.. Enumerable.Repeat(target.Codes.Min, steps.Length)];
        return new AffineTensor(weight.Shape, target.Granularity, target.Codes, codes, [.. steps], [.. zeros], [.. extremes.Min]);
    }

    private static float Step(float min, float max, IntegerGrid codes)
    {
        float step = (float)Math.Min(((double)max - min) / Math.Max(1, codes.Levels - 1), float.MaxValue);
        return float.IsNormal(step) ? step : 1;
    }
}
