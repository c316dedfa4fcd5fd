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
}
