using System.Collections.Immutable;
using Halftone.Formats;
using Halftone.Numerics;

namespace Halftone.Weights;

/// <summary>The scale of each group with the least squared error, exactly; two scaled terms where one errs too much; scales that fit the layer's outputs.</summary>
/// <remarks>
/// <para>min over s, q of sum_i (w_i - s q_i)^2, q_i a code less the zero point (<see cref="ScaleProjection"/>). A free zero point is that of <see cref="OptimalMse"/>, and
/// no group errs more than with it.</para>
/// <para><see cref="DualAbove"/>: a group whose error exceeds that share of its squares becomes s1 q1 + s2 q2 (<see cref="DualScales"/>), with symmetric codes.
/// <see cref="Refine"/>: with the codes kept, the scales of an output channel become those with the least squared error of its output (<see cref="OutputScales"/>).</para>
/// <para>From: Choukroun, Kravchik, Yang, Kisilev 2019, Low-bit Quantization of Neural Networks for Efficient Inference, arXiv:1902.06822, sections 3.1 (one tensor), 3.2 (two) and
/// 3.3 (refinement of scales). Chosen here: exact instead of a line search, the second scale exact for each first one.</para>
/// </remarks>
public sealed record Omse : IWeightMethod, IDescribed
{
    /// <inheritdoc/>
    public static MethodInfo Info { get; } = new("omse", "OMSE: least squared error, exactly", "Choukroun et al. 2019, arXiv:1902.06822");

    /// <summary>Groups whose squared error is above this share of their squares take two terms; null for none.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Negative or not a number.</exception>
    public double? DualAbove
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfEqual(value is { } share && !(share >= 0), true, nameof(value));
            field = value;
        }
    }

    /// <summary>Whether scales are fitted to the layer's outputs, where its inputs are known.</summary>
    public bool Refine { get; init; }

    /// <inheritdoc/>
    public LayerStatisticsNeeds Needs => Refine ? LayerStatisticsNeeds.SecondMoment : LayerStatisticsNeeds.None;

    /// <inheritdoc/>
    public QuantizedTensor Quantize(WeightView weight, WeightTarget target, LayerStatistics statistics, CancellationToken cancel = default)
    {
        cancel.ThrowIfCancellationRequested();
        var values = new GroupedValues(weight, target.Granularity);
        var first = new AffineParameters[values.Count];
        var second = new double[values.Count];
        values.ForEach(
            g =>
            {
                (first[g], double error) = Best(values[g], values.Extremes.Min[g], values.Extremes.Max[g], target, cancel);
                if (DualAbove is { } share && target.Symmetric && error > share * Squares(values[g]))
                {
                    (double one, double two) = DualScales.Best(values[g], CodeLevels.Of(target.Codes, first[g].ZeroPoint), first[g].Scale, error);
                    if (two > 0 && float.IsNormal((float)one) && float.IsNormal((float)two))
                    {
                        (first[g], second[g]) = (first[g] with { Scale = (float)one }, two);
                    }
                }
            },
            cancel);
        ImmutableArray<AffineTensor> terms = [AffineWeights.Nearest(weight, target, first, cancel)];
        if (second.Any(s => s > 0))
        {
            terms = terms.Add(FurtherTerm.Of(weight, target.Codes, target.Granularity, terms[0].Dequantize(), second));
        }

        if (Refine)
        {
            terms = OutputScales.Fit(weight, terms, statistics);
        }

        return terms.Length == 1 ? terms[0] : new SumTensor([.. terms]);
    }

    /// <summary>Scale and zero point of one group, and its squared error.</summary>
    internal static (AffineParameters Parameters, double Error) Best(ReadOnlySpan<float> values, float min, float max, WeightTarget target, CancellationToken cancel)
    {
        AffineParameters near = new OptimalMse().Best(values, min, max, target, cancel);
        double nearError = AffineSpan.SquaredError(values, near, target.Codes);
        CodeLevels levels = CodeLevels.Of(target.Codes, near.ZeroPoint);
        ScaleFit fit = ScaleProjection.Best(values, levels.Positive, levels.Negative, near.Scale);
        if (!float.IsNormal((float)fit.Scale))
        {
            return (near, nearError);
        }

        AffineParameters exact = near with { Scale = (float)fit.Scale };
        double error = AffineSpan.SquaredError(values, exact, target.Codes);
        return error < nearError ? (exact, error) : (near, nearError);
    }

    private static double Squares(ReadOnlySpan<float> values)
    {
        double sum = 0;
        foreach (float v in values)
        {
            sum += (double)v * v;
        }

        return sum;
    }
}
