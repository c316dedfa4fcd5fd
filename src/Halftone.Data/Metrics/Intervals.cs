namespace Halftone.Data.Metrics;

/// <summary>How sure a measured share is.</summary>
public static class Wilson
{
    private const double Z95 = 1.959963984540054; // 97.5 % point of the normal distribution

    /// <summary>The 95 % interval of a share, 0..1.</summary>
    /// <remarks>With p = hits / n: (p + z^2/2n -+ z sqrt(p (1 - p) / n + z^2/4n^2)) / (1 + z^2/n). From: Wilson 1927, "Probable inference, the law of succession, and statistical inference".</remarks>
    /// <exception cref="ArgumentOutOfRangeException">No trials, or hits outside 0..count.</exception>
    public static (double Low, double High) Interval(long hits, long count)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        ArgumentOutOfRangeException.ThrowIfNegative(hits);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(hits, count);
        double n = count;
        double p = hits / n;
        double z2 = Z95 * Z95;
        double centre = p + (z2 / (2 * n));
        double reach = Z95 * Math.Sqrt((p * (1 - p) / n) + (z2 / (4 * n * n)));
        double divisor = 1 + (z2 / n);

        // at the ends one bound is the share itself; rounding must not put it outside
        return (hits == 0 ? 0 : (centre - reach) / divisor, hits == count ? 1 : (centre + reach) / divisor);
    }
}

/// <summary>The mean difference of two models' scores on the same samples, and its standard error; streaming (Welford 1962).</summary>
public sealed class PairedDifference
{
    private double _squares;

    /// <summary>Number of pairs.</summary>
    public long Count { get; private set; }

    /// <summary>Mean of second minus first; 0 without pairs.</summary>
    public double Mean { get; private set; }

    /// <summary>Standard deviation of the differences over the root of their number; infinite below two pairs.</summary>
    public double StandardError => Count < 2 ? double.PositiveInfinity : Math.Sqrt(_squares / (Count - 1) / Count);

    /// <summary>Takes a pair; one of which either score is NaN is left out.</summary>
    public void Add(double first, double second)
    {
        double difference = second - first;
        if (double.IsNaN(difference))
        {
            return;
        }

        Count++;
        double before = difference - Mean;
        Mean += before / Count;
        _squares += before * (difference - Mean);
    }
}
