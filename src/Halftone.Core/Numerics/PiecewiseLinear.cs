namespace Halftone.Numerics;

/// <summary>How the breakpoint of <see cref="PiecewiseLinear"/> is found.</summary>
public enum BreakpointSearch
{
    /// <summary>The least expected error of a normal distribution, solved.</summary>
    Gauss,

    /// <summary>The least expected error of a Laplace distribution, solved.</summary>
    Laplace,

    /// <summary>Gauss by the paper's formula: p = ln(0.86143114 m + 0.60790110).</summary>
    GaussFormula,

    /// <summary>Laplace by the paper's formula: p = 0.80304483 sqrt(m) - 0.31667855.</summary>
    LaplaceFormula,

    /// <summary>The least error of the values themselves, on grids of p / m with steps of 0.1, 0.01 and 0.001.</summary>
    Grid,
}

/// <summary>Levels dense up to a breakpoint p and sparse from there to m = max|x| (Fang et al. 2020, arXiv:2002.00104, section 3).</summary>
/// <remarks>
/// <para>With n = 2^(b-1) - 1: k p / n on both sides of 0, and beyond p either p + k (m - p) / n (regions that do not overlap) or k m / n (the outer region is all of [-m, m] and overlaps the
/// inner one). Either way 4 n + 1 levels, b + 1 bits, and a value becomes the nearest of them.</para>
/// <para>With F and f the distribution and density in units of the standard deviation, the expected error is proportional to (m - p)^2 + m (2 p - m) (2 F(p) - 1), which is least where
/// p - 2 m + 2 m F(p) + m (2 p - m) f(p) = 0; overlapping, to p^2 (2 F(p) - 1) + 2 m^2 (1 - F(p)), least where 2 p (2 F(p) - 1) + 2 (p^2 - m^2) f(p) = 0. The paper prints its formulas as p / m, but
/// they give p (read as a ratio, the first exceeds 1).</para>
/// </remarks>
public static class PiecewiseLinear
{
    /// <summary>p in units of the standard deviation, at most m / 2 for regions that do not overlap, else at most m.</summary>
    /// <param name="m">max|x| over the standard deviation, above 0.</param>
    /// <param name="search">Any but <see cref="BreakpointSearch.Grid"/>.</param>
    /// <param name="overlapping">Whether the outer region is all of the range.</param>
    /// <exception cref="ArgumentOutOfRangeException">m not above 0, a search that needs the values, or a formula for overlapping regions, which the paper has none for.</exception>
    public static double Breakpoint(double m, BreakpointSearch search, bool overlapping = false)
    {
        ArgumentOutOfRangeException.ThrowIfEqual(m > 0, false, nameof(m));
        double most = overlapping ? m : m / 2;
        switch (search)
        {
            case BreakpointSearch.GaussFormula when !overlapping:
                return Math.Clamp(Math.Log((0.86143114 * m) + 0.60790110), 0, most);
            case BreakpointSearch.LaplaceFormula when !overlapping:
                return Math.Clamp((0.80304483 * Math.Sqrt(m)) - 0.31667855, 0, most);
            case BreakpointSearch.Gauss or BreakpointSearch.Laplace:
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(search), $"{search} gives no breakpoint of {(overlapping ? "overlapping regions" : "a distribution")}.");
        }

        (double low, double high) = (0, most);
        for (double p = most / 2; p != low && p != high; p = (low + high) / 2)
        {
            (low, high) = Slope(p, m, search is BreakpointSearch.Gauss, overlapping) < 0 ? (p, high) : (low, p);
        }

        return high;
    }

    /// <summary>The levels of one side, from 0 on: n + 1 up to p, n more up to m.</summary>
    public static double[] Side(double p, double m, int n, bool overlapping)
    {
        IEnumerable<double> inner = Enumerable.Range(0, n + 1).Select(k => p * k / n);
        IEnumerable<double> outer = Enumerable.Range(1, n).Select(k => overlapping ? m * k / n : p + ((m - p) * k / n));
        return [.. inner.Concat(outer).Order()];
    }

    /// <summary>The levels of both sides of 0, rising.</summary>
    public static double[] Levels(double p, double m, int n, bool overlapping)
    {
        double[] side = Side(p, m, n, overlapping);
        return [.. side.Skip(1).Reverse().Select(v => -v), .. side];
    }

    /// <summary>The share of m, by steps of 0.1, 0.01 and 0.001 around the best so far, at which the error is least; below 1 / 2, or 1 where regions overlap.</summary>
    /// <param name="error">Of a share.</param>
    /// <param name="overlapping">Whether the outer region is all of the range.</param>
    public static double Search(Func<double, double> error, bool overlapping)
    {
        double most = overlapping ? 1 : 0.5;
        (double best, double least) = (most, double.PositiveInfinity);
        double around = most;
        foreach (double step in (ReadOnlySpan<double>)[0.1, 0.01, 0.001])
        {
            int reach = step == 0.1 ? 10 : 9;
            for (int k = -reach; k <= reach; k++)
            {
                double share = around + (k * step);
                if (share > 0 && share <= most && error(share) is var e && e < least)
                {
                    (best, least) = (share, e);
                }
            }

            around = best;
        }

        return best;
    }

    private static double Slope(double p, double m, bool gauss, bool overlapping)
    {
        double root = Math.Sqrt(2);
        double cumulative = gauss ? Normal.Cumulative(p) : 1 - (0.5 * Math.Exp(-root * p));
        double density = gauss ? Math.Exp(-p * p / 2) / Math.Sqrt(2 * Math.PI) : Math.Exp(-root * p) / root;
        return overlapping
            ? (2 * p * ((2 * cumulative) - 1)) + (2 * ((p * p) - (m * m)) * density)
            : p - (2 * m) + (2 * m * cumulative) + (m * ((2 * p) - m) * density);
    }
}
