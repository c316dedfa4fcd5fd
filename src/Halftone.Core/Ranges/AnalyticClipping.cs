using Halftone.Numerics;
using Halftone.Statistics;

namespace Halftone.Ranges;

/// <summary>Where to clip a Laplace or normal distribution so that clipping and rounding together err least (Banner et al. 2019, arXiv:1810.05723).</summary>
/// <remarks>With N levels in [-a, a] the rounding error is a^2 / (3 N^2). Values of one sign are taken as one half of a distribution around 0 whose other
/// half would need as many levels again: N doubles.</remarks>
public static class AnalyticClipping
{
    /// <summary>The a / b that minimises 2 b^2 exp(-a / b) + a^2 / (3 N^2) for a Laplace distribution of scale b: the root of a + ln a = ln 3 + 2 ln N.</summary>
    /// <param name="levels">N, 1 or more.</param>
    public static double LaplaceMultiplier(double levels)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(levels, 1);
        double right = Math.Log(3) + (2 * Math.Log(levels));
        double a = Math.Max(1, right - Math.Log(right));

        // Newton on a concave rising function: the digits double each time
        for (int i = 0; i < 8; i++)
        {
            a -= (a + Math.Log(a) - right) / (1 + (1 / a));
        }

        return a;
    }

    /// <summary>The a / sigma that minimises (1 + a^2)(1 - erf(a / sqrt 2)) - sqrt(2 / pi) a exp(-a^2 / 2) + a^2 / (3 N^2), by bisection of its derivative.</summary>
    /// <param name="levels">N, 1 or more.</param>
    public static double GaussMultiplier(double levels)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(levels, 1);
        (double low, double high) = (0, 40);
        for (double a = 20; a != low && a != high; a = (low + high) / 2)
        {
            double slope = (a * Normal.ErrorComplement(a / Math.Sqrt(2)))
                - (Math.Sqrt(2 / Math.PI) * Math.Exp(-a * a / 2))
                + (a / (3 * levels * levels));
            (low, high) = slope < 0 ? (a, high) : (low, a);
        }

        return high;
    }

    /// <summary>The range: mean +- reach, or 0 to reach for values of one sign.</summary>
    internal static ClipRange Around(TensorStatistics statistics, double reach) => statistics.OneSided()
        ? statistics.Within(reach)
        : statistics.Within(statistics.Mean - reach, statistics.Mean + reach);

    /// <summary>N: the levels of a grid, as if both sides of a distribution had to share them.</summary>
    internal static double Levels(TensorStatistics statistics, QuantizationGrid grid) =>
        statistics.OneSided() ? 2.0 * statistics.SideLevels(grid) : grid.Codes.Levels;

    /// <summary>Standard deviation; of values of one sign, the root of the mean square of those that are not 0.</summary>
    internal static double Deviation(TensorStatistics statistics)
    {
        if (!statistics.OneSided())
        {
            return Math.Sqrt(statistics.Variance);
        }

        long count = statistics.Count - statistics.Zeros;
        return count <= 0 ? 0 : Math.Sqrt((statistics.Variance + (statistics.Mean * statistics.Mean)) * statistics.Count / count);
    }

    /// <summary>Mean distance from the mean; of values of one sign, the mean size of those that are not 0.</summary>
    internal static double MeanDistance(TensorStatistics statistics)
    {
        if (statistics.OneSided())
        {
            long count = statistics.Count - statistics.Zeros;
            return count <= 0 ? 0 : Math.Abs(statistics.Mean) * statistics.Count / count;
        }

        Histogram histogram = statistics.Histogram;
        double sum = 0;
        for (int position = 0; position < histogram.Counts.Length; position++)
        {
            double from = histogram.FirstBin + position == 0 && histogram.Counts[position] <= 2 * statistics.Zeros ? 0 : histogram.Centre(position);
            sum += histogram.Counts[position] * Math.Abs(from - statistics.Mean);
        }

        return sum / statistics.Count;
    }
}
