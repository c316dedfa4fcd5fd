namespace Halftone.Numerics;

/// <summary>Where Lloyd's algorithm for single values starts (Han et al. 2016, arXiv:1510.00149, section 3.1).</summary>
public enum LloydStart
{
    /// <summary>Codewords at equal distances from the least to the greatest value, which leaves some near the large values.</summary>
    Linear,

    /// <summary>Codewords at equal steps of the distribution function.</summary>
    Density,

    /// <summary>Values drawn at random (Forgy).</summary>
    Random,
}

/// <summary>k-means of single values by Lloyd's algorithm: codewords that are each the mean of the values nearest to them.</summary>
/// <remarks>
/// <para>A step takes sum over k of sum over w in cell k of (w - c_k)^2 down: cells end at the midpoints of codewords, codewords become the means of their cells. With the values
/// sorted and their sums known up to each place, it costs k log n.</para>
/// <para>From: Lloyd 1982 (written in 1957), "Least squares quantization in PCM"; Max 1960. An empty cell gets half of the one in which number * width^2 is greatest, cut in the
/// middle of its range; so there are as many codewords as asked for, or as there are different values.</para>
/// </remarks>
public static class ScalarLloyd
{
    /// <summary>The codewords, rising; fewer than asked for only where there are fewer different values, each of which is then a codeword.</summary>
    /// <param name="sorted">Values, finite, not falling.</param>
    /// <param name="most">How many codewords are wanted.</param>
    /// <param name="start">Where it starts.</param>
    /// <param name="iterations">Steps at most; it stops when no value changes its cell.</param>
    /// <param name="seed">For a random start.</param>
    /// <param name="cancel">Stops it.</param>
    public static float[] Codewords(ReadOnlySpan<float> sorted, int most, LloydStart start, int iterations, int seed = 0, CancellationToken cancel = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(most);
        ArgumentOutOfRangeException.ThrowIfNegative(iterations);
        int count = Math.Min(most, Different(sorted));
        if (count == 0)
        {
            return [];
        }

        double[] sums = Sums(sorted);
        int[] borders = Cells(sorted, Start(sorted, count, start, seed));
        var means = new double[count];
        for (int i = 0; i < iterations; i++)
        {
            cancel.ThrowIfCancellationRequested();
            for (int c = 0; c < count; c++)
            {
                means[c] = Mean(sorted[borders[c]..borders[c + 1]], sums[borders[c + 1]] - sums[borders[c]]);
            }

            int[] next = Cells(sorted, means);
            if (next.AsSpan().SequenceEqual(borders))
            {
                break;
            }

            borders = next;
        }

        var codewords = new float[count];
        for (int c = 0; c < count; c++)
        {
            double sum = 0;
            ReadOnlySpan<float> cell = sorted[borders[c]..borders[c + 1]];
            foreach (float value in cell)
            {
                sum += value;
            }

            codewords[c] = (float)Mean(cell, sum);
        }

        return codewords;
    }

    // rounding errors of the sum do not move it out of its cell, so codewords rise
    private static double Mean(ReadOnlySpan<float> cell, double sum) => Math.Clamp(sum / cell.Length, cell[0], cell[^1]);

    private static int Different(ReadOnlySpan<float> sorted)
    {
        int different = sorted.Length == 0 ? 0 : 1;
        for (int i = 1; i < sorted.Length; i++)
        {
            different += sorted[i] != sorted[i - 1] ? 1 : 0;
        }

        return different;
    }

    /// <summary>sums[j] - sums[i] is the sum of the values from i to j; counted from zero outwards, so that large values do not swallow the small ones.</summary>
    private static double[] Sums(ReadOnlySpan<float> sorted)
    {
        var sums = new double[sorted.Length + 1];
        int zero = Above(sorted, 0);
        for (int i = zero; i < sorted.Length; i++)
        {
            sums[i + 1] = sums[i] + sorted[i];
        }

        for (int i = zero - 1; i >= 0; i--)
        {
            sums[i] = sums[i + 1] - sorted[i];
        }

        return sums;
    }

    private static double[] Start(ReadOnlySpan<float> sorted, int count, LloydStart start, int seed)
    {
        var codewords = new double[count];
        int[] drawn = start is LloydStart.Random ? new CounterRandom(seed).Subset(count, sorted.Length) : [];
        for (int c = 0; c < count; c++)
        {
            codewords[c] = start switch
            {
                LloydStart.Density => sorted[(int)(((2L * c) + 1) * sorted.Length / (2L * count))],
                LloydStart.Random => sorted[drawn[c]],
                _ => count == 1 ? sorted[0] : sorted[0] + (((double)sorted[^1] - sorted[0]) * c / (count - 1)),
            };
        }

        return codewords;
    }

    /// <summary>Where the cells of rising codewords begin and end; none is empty.</summary>
    private static int[] Cells(ReadOnlySpan<float> sorted, double[] codewords)
    {
        var borders = new int[codewords.Length + 1];
        borders[^1] = sorted.Length;
        bool empty = false;
        for (int c = 1; c < codewords.Length; c++)
        {
            borders[c] = borders[c - 1] + Above(sorted[borders[c - 1]..], (codewords[c - 1] + codewords[c]) / 2);
            empty |= borders[c] == borders[c - 1];
        }

        return empty || (codewords.Length > 1 && borders[^1] == borders[^2]) ? Filled(sorted, borders) : borders;
    }

    private static int[] Filled(ReadOnlySpan<float> sorted, int[] borders)
    {
        PriorityQueue<(int Start, int End), (double Spread, int Start)> cells = new();
        List<int> starts = [];
        for (int c = 1; c < borders.Length; c++)
        {
            if (borders[c] > borders[c - 1])
            {
                starts.Add(borders[c - 1]);
                Enqueue(sorted, cells, borders[c - 1], borders[c]);
            }
        }

        while (starts.Count < borders.Length - 1)
        {
            (int start, int end) = cells.Dequeue();
            int cut = start + Above(sorted[start..end], ((double)sorted[start] + sorted[end - 1]) / 2);
            starts.Add(cut);
            Enqueue(sorted, cells, start, cut);
            Enqueue(sorted, cells, cut, end);
        }

        starts.Sort();
        return [.. starts, sorted.Length];
    }

    private static void Enqueue(ReadOnlySpan<float> sorted, PriorityQueue<(int Start, int End), (double Spread, int Start)> cells, int start, int end)
    {
        double width = (double)sorted[end - 1] - sorted[start];
        if (width > 0)
        {
            cells.Enqueue((start, end), (-width * width * (end - start), start));
        }
    }

    /// <summary>The first place whose value is above a border.</summary>
    private static int Above(ReadOnlySpan<float> sorted, double border)
    {
        int low = 0;
        int high = sorted.Length;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            (low, high) = sorted[middle] > border ? (low, middle) : (middle + 1, high);
        }

        return low;
    }
}
