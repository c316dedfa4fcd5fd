using Halftone.Formats;
using Halftone.Numerics;

namespace Halftone.Weights;

/// <summary>The scale of each group, and its zero point where that is free, with the least squared error.</summary>
/// <remarks>
/// <para>argmin over s, z of sum_i (w_i - s (clamp(round(w_i / s) + z) - z))^2. First <see cref="Steps"/> shares of the range from 1 down to
/// <see cref="SmallestShare"/>, with a free zero point also for either end alone, twice around; then, codes kept, s = sum w q / sum q^2 with q = code - z,
/// and codes again, as long as that errs less.</para>
/// <para>From: Choukroun et al. 2019, arXiv:1902.06822 (OMSE), section 3. The range of the extremes is tried first, so it never errs more than
/// <see cref="RoundToNearest"/>. Deterministic.</para>
/// <para>Cost: about Steps readings of the weight, 5 Steps with a free zero point.</para>
/// </remarks>
public sealed record OptimalMse : IWeightMethod, IDescribed
{
    private const int Refinements = 20;

    /// <inheritdoc/>
    public static MethodInfo Info { get; } = new("mse", "Least squared error (OMSE)", "Choukroun et al. 2019, arXiv:1902.06822");

    /// <summary>Shares of the range that are tried; 1 tries the whole alone.</summary>
    public int Steps
    {
        get;
        init { ArgumentOutOfRangeException.ThrowIfNegativeOrZero(value); field = value; }
    } = 80;

    /// <summary>The smallest share, above 0 and at most 1: an outlier of more than its reciprocal times the rest is beyond the search.</summary>
    public double SmallestShare
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfNegativeOrZero(value);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(value, 1);
            field = value;
        }
    } = 0.1;

    /// <inheritdoc/>
    public QuantizedTensor Quantize(WeightView weight, WeightTarget target, LayerStatistics statistics, CancellationToken cancel = default)
    {
        cancel.ThrowIfCancellationRequested();
        var values = new GroupedValues(weight, target.Granularity);
        var groups = new AffineParameters[values.Count];
        values.ForEach(g => groups[g] = Best(values[g], values.Extremes.Min[g], values.Extremes.Max[g], target, cancel), cancel);
        return AffineWeights.Nearest(weight, target, groups, cancel);
    }

    /// <summary>Scale and zero point of one group of values.</summary>
    internal AffineParameters Best(ReadOnlySpan<float> values, float min, float max, WeightTarget target, CancellationToken cancel)
    {
        (double low, double high) = (Math.Min(min, 0.0), Math.Max(max, 0.0));
        var best = AffineParameters.FromRange(low, high, target.Codes, target.Symmetric);
        double least = AffineSpan.SquaredError(values, best, target.Codes);
        (double lowShare, double highShare) = (1, 1);

        // shares of both ends, then of one end at a time
        int passes = target.Symmetric || low == 0 || high == 0 ? 1 : 5;
        for (int pass = 0; pass < passes; pass++)
        {
            cancel.ThrowIfCancellationRequested();
            (double lowKept, double highKept) = (lowShare, highShare);
            for (int step = 0; step < Steps; step++)
            {
                double share = 1 - ((1 - SmallestShare) * step / Steps);
                double tryLow = pass == 0 || pass % 2 == 1 ? share : lowKept;
                double tryHigh = pass == 0 || pass % 2 == 0 ? share : highKept;
                var parameters = AffineParameters.FromRange(tryLow * low, tryHigh * high, target.Codes, target.Symmetric);
                double error = AffineSpan.SquaredError(values, parameters, target.Codes);
                if (error < least)
                {
                    (best, least, lowShare, highShare) = (parameters, error, tryLow, tryHigh);
                }
            }
        }

        return Refine(values, best, least, target.Codes);
    }

    private static AffineParameters Refine(ReadOnlySpan<float> values, AffineParameters best, double least, IntegerGrid codes)
    {
        for (int i = 0; i < Refinements; i++)
        {
            (double product, double square) = (0, 0);
            foreach (float value in values)
            {
                double q = best.Quantize(value, codes) - best.ZeroPoint;
                product += value * q;
                square += q * q;
            }

            float scale = (float)(product / square);
            if (!float.IsNormal(scale) || scale <= 0)
            {
                return best;
            }

            AffineParameters next = best with { Scale = scale };
            double error = AffineSpan.SquaredError(values, next, codes);
            if (error >= least)
            {
                return best;
            }

            (best, least) = (next, error);
        }

        return best;
    }
}
