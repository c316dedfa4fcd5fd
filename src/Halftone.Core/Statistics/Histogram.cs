using System.Collections.Immutable;

namespace Halftone.Statistics;

/// <summary>Counts of values in bins of equal width, of which one border is exactly 0.</summary>
/// <param name="BinWidth">Width of a bin.</param>
/// <param name="FirstBin">Index of the first bin kept: bin i covers [i * BinWidth, (i + 1) * BinWidth), i may be negative.</param>
/// <param name="Counts">Values in each bin from FirstBin on.</param>
/// <remarks>
/// What the streaming collector makes has a power of two as its width, so that widening merges pairs of bins exactly: the histogram of a data set
/// does not depend on the order or size of its batches, and merging two gives the histogram of the union.
/// </remarks>
public sealed record Histogram(double BinWidth, int FirstBin, ImmutableArray<long> Counts)
{
    /// <summary>Lower border of the first bin.</summary>
    public double Lowest => FirstBin * BinWidth;

    /// <summary>Upper border of the last bin.</summary>
    public double Highest => (FirstBin + Counts.Length) * BinWidth;

    /// <summary>Number of values.</summary>
    public long Total => Counts.Sum();

    /// <summary>Middle of the bin at a position of <see cref="Counts"/>.</summary>
    public double Centre(int position) => (FirstBin + position + 0.5) * BinWidth;

    /// <summary>The value below which a share of the values lies, which are taken as evenly spread within a bin; 0 without values.</summary>
    /// <param name="share">0 to 1.</param>
    public double Quantile(double share)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(share);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(share, 1);
        double left = share * Total;
        for (int position = 0; position < Counts.Length; position++)
        {
            long count = Counts[position];
            if (count > 0 && left <= count)
            {
                return (FirstBin + position + (left / count)) * BinWidth;
            }

            left -= count;
        }

        return Total == 0 ? 0 : Highest;
    }

    /// <summary>The histogram of |x|, from bin 0 on: the bins below 0 are added to their mirror images.</summary>
    public Histogram Absolute()
    {
        var counts = new long[Math.Max(FirstBin + Counts.Length, -FirstBin)];
        for (int position = 0; position < Counts.Length; position++)
        {
            int bin = FirstBin + position;
            counts[bin < 0 ? -1 - bin : bin] += Counts[position];
        }

        return new(BinWidth, 0, [.. counts]);
    }

    /// <summary>Bins of that many times the width; 0 stays a border.</summary>
    /// <param name="factor">1 or more.</param>
    public Histogram Merged(int factor)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(factor);
        if (factor == 1 || Counts.IsEmpty)
        {
            return this;
        }

        int first = FloorDivide(FirstBin, factor);
        var counts = new long[FloorDivide(FirstBin + Counts.Length - 1, factor) - first + 1];
        for (int position = 0; position < Counts.Length; position++)
        {
            counts[FloorDivide(FirstBin + position, factor) - first] += Counts[position];
        }

        return new(BinWidth * factor, first, [.. counts]);
    }

    /// <summary>Without that many values that are exactly 0.</summary>
    /// <exception cref="ArgumentException">The bin of 0 holds fewer.</exception>
    public Histogram WithoutZeros(long zeros)
    {
        int position = -FirstBin;
        if (zeros == 0)
        {
            return this;
        }

        if (position < 0 || position >= Counts.Length || Counts[position] < zeros)
        {
            throw new ArgumentException($"The bin of 0 does not hold {zeros} values.", nameof(zeros));
        }

        return this with { Counts = Counts.SetItem(position, Counts[position] - zeros) };
    }

    private static int FloorDivide(int value, int by) => value >= 0 ? value / by : -1 - ((-1 - value) / by);
}
