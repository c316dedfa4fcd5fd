using Halftone.Statistics;

namespace Halftone.Ranges;

/// <summary>The range that errs least on a histogram, in the mean of |x - Q(x)|^p.</summary>
/// <remarks>
/// <para>Shares r of the whole range are tried from 1 down in ratios of 2^(1/8), then the best and its neighbours are narrowed down by golden section.
/// With two sides and a free zero point all pairs of a few shares of either end follow, of which one may be 0, and then the ends are narrowed down one
/// at a time. The error has many shallow dips, so the best that was tried is kept; the whole range is tried first, so that nothing errs more than it.</para>
/// <para>Cost: about 80 sums over the bins, or 190 with two free ends.</para>
/// </remarks>
internal sealed class ErrorSearch
{
    private const int PerOctave = 8;
    private const int Octaves = 8;
    private const int GoldenSteps = 14;
    private const int Rounds = 2;

    // bins on the larger side of zero, or up to twice as many; powers other than 2 take a call to Pow for each
    private const int FineBins = 1024;
    private const int CoarseBins = 512;

    // with few codes the zero point jumps, and the best pair is not near equal shares
    private static readonly double[] s_endShares = [1, 0.7, 0.5, 0.35, 0.2, 0.1, 0];

    private readonly TensorStatistics _statistics;
    private readonly QuantizationGrid _grid;
    private readonly double _power;
    private readonly Histogram _histogram;
    private double _leastError = double.PositiveInfinity;
    private ClipRange _best;

    private ErrorSearch(TensorStatistics statistics, QuantizationGrid grid, double power)
    {
        (_statistics, _grid, _power) = (statistics, grid, power);
        Histogram all = statistics.Histogram.WithoutZeros(statistics.Zeros);
        int side = Math.Max(-all.FirstBin, all.FirstBin + all.Counts.Length);
        _histogram = all.Merged(Math.Max(side / (power == 2 ? FineBins : CoarseBins), 1));
    }

    public static ClipRange Best(TensorStatistics statistics, QuantizationGrid grid, double power)
    {
        ClipRange whole = statistics.Within(double.PositiveInfinity);
        return statistics.Count == statistics.Zeros ? whole : new ErrorSearch(statistics, grid, power).Run(whole);
    }

    private ClipRange Run(ClipRange whole)
    {
        bool oneEnd = _grid.Symmetric || _statistics.OneSided();
        double greatest = _statistics.Greatest();
        ClipRange Share(double r) => oneEnd ? _statistics.Within(r * greatest) : new(r * whole.Min, r * whole.Max);

        int bestOctave = 0;
        for (int k = 0; k <= PerOctave * Octaves; k++)
        {
            bestOctave = Try(Share(Ratio(k))) ? k : bestOctave;
        }

        Narrow(Share, Ratio(bestOctave + 1), Ratio(Math.Max(bestOctave - 1, 0)));
        if (!oneEnd)
        {
            MoveEnds(whole);
        }

        return _best;
    }

    private void MoveEnds(ClipRange whole)
    {
        foreach (double low in s_endShares)
        {
            foreach (double high in s_endShares)
            {
                TryError(new(low * whole.Min, high * whole.Max));
            }
        }

        for (int round = 0; round < Rounds; round++)
        {
            ClipRange from = _best;
            if (from.Max > 0)
            {
                Narrow(r => new(from.Min, r * from.Max), 0.6, Math.Min(1.6, whole.Max / from.Max));
            }

            ClipRange to = _best;
            if (to.Min < 0)
            {
                Narrow(r => new(r * to.Min, to.Max), 0.6, Math.Min(1.6, whole.Min / to.Min));
            }
        }
    }

    private static double Ratio(int k) => Math.Pow(2, -(double)k / PerOctave);

    private bool Try(ClipRange range)
    {
        double error = Error(range);
        if (error >= _leastError)
        {
            return false;
        }

        (_leastError, _best) = (error, range);
        return true;
    }

    private double Error(ClipRange range) => ExpectedError.Total(_histogram, _grid.Parameters(range), _grid.Codes, _power);

    private void Narrow(Func<double, ClipRange> range, double low, double high)
    {
        double golden = (Math.Sqrt(5) - 1) / 2;
        double left = high - (golden * (high - low));
        double right = low + (golden * (high - low));
        double leftError = TryError(range(left));
        double rightError = TryError(range(right));
        for (int i = 0; i < GoldenSteps; i++)
        {
            if (leftError < rightError)
            {
                (high, right, rightError) = (right, left, leftError);
                left = high - (golden * (high - low));
                leftError = TryError(range(left));
            }
            else
            {
                (low, left, leftError) = (left, right, rightError);
                right = low + (golden * (high - low));
                rightError = TryError(range(right));
            }
        }
    }

    private double TryError(ClipRange range)
    {
        double error = Error(range);
        if (error < _leastError)
        {
            (_leastError, _best) = (error, range);
        }

        return error;
    }
}
