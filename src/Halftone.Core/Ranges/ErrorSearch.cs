using Halftone.Numerics;
using Halftone.Statistics;

namespace Halftone.Ranges;

/// <summary>The range that errs least on a histogram, in the mean of |x - Q(x)|^p.</summary>
/// <remarks>
/// <para>Shares r of the whole range are tried from 1 down in ratios of 2^(1/8), those between the best and its neighbours in ratios of 2^(1/32), and the
/// best of these is narrowed down by golden section. With two sides and a free zero point all pairs of a few shares of either end follow, of which one may
/// be 0, and then the scale of the best is narrowed down for its zero point and the two beside it. The error has many shallow dips, so the best that was
/// tried is kept, unless the whole range errs no more.</para>
/// <para>Cost: about 85 sums over the bins, or 190 with two free ends.</para>
/// </remarks>
internal sealed class ErrorSearch
{
    private const int PerOctave = 8;
    private const int Octaves = 8;
    private const int Finer = 4;
    private const int GoldenSteps = 8;
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

        const int Fine = PerOctave * Finer;
        int coarse = Scan(Share, 0, PerOctave * Octaves, PerOctave);
        int fine = Scan(Share, Finer * Math.Max(coarse - 1, 0), Finer * (coarse + 1), Fine);
        Narrow(Share, Ratio(fine + 1, Fine), Ratio(Math.Max(fine - 1, 0), Fine));
        if (!oneEnd)
        {
            MoveEnds(whole);
        }

        // the search sums over wider bins than there are
        Histogram all = _statistics.Histogram.WithoutZeros(_statistics.Zeros);
        return Error(all, _best) < Error(all, whole) ? _best : whole;
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

        // what the error depends on is the scale and the zero point, which jumps
        for (int round = 0; round < Rounds; round++)
        {
            AffineParameters from = _grid.Parameters(_best);
            for (int zero = Math.Max(from.ZeroPoint - 1, _grid.Codes.Min); zero <= Math.Min(from.ZeroPoint + 1, _grid.Codes.Max); zero++)
            {
                (double low, double high) = ((_grid.Codes.Min - zero) * from.Scale, (_grid.Codes.Max - zero) * from.Scale);
                Narrow(r => new(Math.Max(r * low, whole.Min), Math.Min(r * high, whole.Max)), 0.85, 1.18);
            }
        }
    }

    private double Error(Histogram histogram, ClipRange range) => ExpectedError.Total(histogram, _grid.Parameters(range), _grid.Codes, _power);

    private static double Ratio(int k, int perOctave) => Math.Pow(2, -(double)k / perOctave);

    /// <summary>Tries 2^(-k / perOctave) for k from first to last and tells the best k.</summary>
    private int Scan(Func<double, ClipRange> range, int first, int last, int perOctave)
    {
        (int best, double least) = (first, double.PositiveInfinity);
        for (int k = first; k <= last; k++)
        {
            double error = TryError(range(Ratio(k, perOctave)));
            (best, least) = error < least ? (k, error) : (best, least);
        }

        return best;
    }

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
        double error = Error(_histogram, range);
        if (error < _leastError)
        {
            (_leastError, _best) = (error, range);
        }

        return error;
    }
}
