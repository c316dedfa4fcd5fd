namespace Halftone.Numerics;

/// <summary>Levels that are sums of few numbers, v e, fitted to values by turns: nearest level, then least squares of v (QEM; Zhang et al. 2018, arXiv:1807.10029, section 3.2, algorithm 1).</summary>
/// <remarks>
/// <para>e in {-1, +1}^K, or {0, 1}^K. A turn assigns each value to the nearest of the 2^K levels and then takes v = (B^T B + r I)^-1 (B^T x + r v), r = 1e-4, B the rows e of the
/// values: neither half raises sum (x - v e)^2. Turns go on until nothing changes; the paper's training takes one of them a step and averages.</para>
/// <para>The values are sorted once; a turn then costs 2^K log(values).</para>
/// </remarks>
public sealed class BinaryLevels
{
    private const double Ridge = 1e-4;
    private const int Turns = 1000;

    private readonly double[] _sorted;
    private readonly double[] _counts;
    private readonly double[] _sums;
    private readonly double[] _squares;
    private readonly bool _signed;

    /// <summary>Levels for values.</summary>
    /// <param name="values">x, finite; sorted here.</param>
    /// <param name="counts">How often each occurs; empty for once.</param>
    /// <param name="signed">e in {-1, +1}, else {0, 1}.</param>
    public BinaryLevels(ReadOnlySpan<double> values, ReadOnlySpan<double> counts, bool signed)
    {
        _sorted = values.ToArray();
        double[] own = counts.IsEmpty ? [.. Enumerable.Repeat(1.0, values.Length)] : counts.ToArray();
        Array.Sort(_sorted, own);
        _counts = new double[values.Length + 1];
        _sums = new double[values.Length + 1];
        _squares = new double[values.Length + 1];
        for (int i = 0; i < own.Length; i++)
        {
            _counts[i + 1] = _counts[i] + own[i];
            _sums[i + 1] = _sums[i] + (own[i] * _sorted[i]);
            _squares[i + 1] = _squares[i] + (own[i] * _sorted[i] * _sorted[i]);
        }

        _signed = signed;
    }

    /// <summary>Every level with its code, in rising order; bit j of a code is e_j.</summary>
    public static (double Level, int Code)[] Of(ReadOnlySpan<double> v, bool signed)
    {
        var levels = new (double Level, int Code)[1 << v.Length];
        for (int code = 0; code < levels.Length; code++)
        {
            double level = 0;
            for (int j = 0; j < v.Length; j++)
            {
                level += v[j] * Digit(code, j, signed);
            }

            levels[code] = (level, code);
        }

        Array.Sort(levels);
        return levels;
    }

    /// <summary>The v that turns from a first one end in.</summary>
    public double[] Fit(double[] first)
    {
        double[] v = first;
        double error = SquaredError(v);
        for (int turn = 0; turn < Turns; turn++)
        {
            double[] next = Turn(v);
            double less = SquaredError(next);
            if (!(less < error))
            {
                break;
            }

            (v, error) = (next, less);
        }

        return v;
    }

    /// <summary>One turn: assignment, then least squares.</summary>
    public double[] Turn(double[] v)
    {
        int k = v.Length;
        var matrix = new double[k * k];
        double[] right = [.. v.Select(x => Ridge * x)];
        foreach ((int code, _, double count, double sum, _) in Cells(v))
        {
            for (int j = 0; j < k; j++)
            {
                double own = Digit(code, j, _signed);
                right[j] += own * sum;
                for (int i = 0; i <= j; i++)
                {
                    matrix[(j * k) + i] += own * Digit(code, i, _signed) * count;
                }
            }
        }

        for (int j = 0; j < k; j++)
        {
            matrix[(j * k) + j] += Ridge;
        }

        return NormalEquations.Solve(matrix, right);
    }

    /// <summary>sum (x - nearest level)^2.</summary>
    public double SquaredError(double[] v) => Math.Max(Cells(v).Sum(c => c.Squares - (2 * c.Level * c.Sum) + (c.Level * c.Level * c.Count)), 0);

    private IEnumerable<(int Code, double Level, double Count, double Sum, double Squares)> Cells(double[] v)
    {
        (double Level, int Code)[] levels = Of(v, _signed);
        int from = 0;
        for (int n = 0; n < levels.Length; n++)
        {
            int to = n == levels.Length - 1 ? _sorted.Length : FirstAbove((levels[n].Level + levels[n + 1].Level) / 2, from);
            yield return (levels[n].Code, levels[n].Level, _counts[to] - _counts[from], _sums[to] - _sums[from], _squares[to] - _squares[from]);
            from = to;
        }
    }

    private int FirstAbove(double border, int from)
    {
        (int low, int high) = (from, _sorted.Length);
        while (low < high)
        {
            int middle = (low + high) / 2;
            (low, high) = _sorted[middle] > border ? (low, middle) : (middle + 1, high);
        }

        return low;
    }

    private static int Digit(int code, int j, bool signed) => (code >> j & 1) == 1 ? 1 : signed ? -1 : 0;
}
