using System.Buffers;
using System.Collections.Immutable;
using System.Numerics;
using System.Runtime.CompilerServices;

namespace Halftone.Statistics;

/// <summary>A histogram whose bins double in width when a value lies beyond them, by merging pairs exactly.</summary>
/// <remarks>
/// <para>The width follows from the greatest |x| seen, m, alone: 2^(floor(log2 m) - 13), so that the larger side of zero has 8192 to 16384
/// bins: after an outlier of ten times the rest there are still 800 for the rest. The width is not below 2^-120, where the reciprocal would leave the
/// floats. Bin i covers [i, i + 1) widths, and merging is i -> floor(i / 2); so the result does not depend on the order or size of batches.</para>
/// <para>Cost: two arrays of 16384 longs at most, one a side; about one nanosecond a value.</para>
/// </remarks>
internal sealed class RebinningHistogram
{
    private const int Side = 16384;
    private const int SideExponent = 13;
    private const int SmallestExponent = -120;
    private const int WidestShift = 31; // of an int; every bin is 0 by then
    private const int Block = 512;
    private const int Copies = 4;

    // index i of the positive side is bin i, of the negative side bin -1 - i
    private long[] _positive = [];
    private long[] _negative = [];

    /// <summary>log2 of the width.</summary>
    private int Exponent { get; set; } = SmallestExponent;

    /// <summary>Counts values, all of them finite or not counted.</summary>
    /// <param name="values">The values.</param>
    /// <param name="min">Least finite one.</param>
    /// <param name="max">Greatest finite one.</param>
    /// <param name="allFinite">Whether there are no others.</param>
    public void Add(ReadOnlySpan<float> values, double min, double max, bool allFinite)
    {
        WidenTo(ExponentFor(Math.Max(Math.Abs(min), Math.Abs(max))));
        double width = Math.ScaleB(1, Exponent);
        int first = (int)Math.Floor(min / width);
        int last = (int)Math.Floor(max / width);
        Allocate(first, last);

        // several counters a bin, so that a run of equal values does not wait for its own stores
        int bins = last - first + 1;
        int copies = values.Length >= 4 * bins ? Copies : 1;
        int[] counters = ArrayPool<int>.Shared.Rent(bins * copies);
        counters.AsSpan(0, bins * copies).Clear();
        Span<int> indices = stackalloc int[Block];
        Span<float> finite = stackalloc float[Block];
        for (int at = 0; at < values.Length; at += Block)
        {
            scoped ReadOnlySpan<float> part = values[at..Math.Min(at + Block, values.Length)];
            if (!allFinite)
            {
                part = Finite(part, finite);
            }

            Bins(part, first, indices);
            Count(indices[..part.Length], counters, copies == 1 ? 0 : bins);
        }

        for (int b = 0; b < bins; b++)
        {
            long count = counters[b];
            for (int copy = 1; copy < copies; copy++)
            {
                count += counters[(copy * bins) + b];
            }

            At(first + b) += count;
        }

        ArrayPool<int>.Shared.Return(counters);
    }

    /// <summary>Counts what another has counted.</summary>
    public void Add(RebinningHistogram other)
    {
        WidenTo(other.Exponent);
        int shift = Math.Min(Exponent - other.Exponent, WidestShift);
        for (int i = 0; i < other._positive.Length; i++)
        {
            if (other._positive[i] != 0)
            {
                Allocate(i >> shift, i >> shift);
                _positive[i >> shift] += other._positive[i];
            }
        }

        for (int i = 0; i < other._negative.Length; i++)
        {
            if (other._negative[i] != 0)
            {
                Allocate(-1, -1);
                _negative[i >> shift] += other._negative[i];
            }
        }
    }

    /// <summary>The histogram from the first to the last bin that is not empty.</summary>
    public Histogram ToHistogram()
    {
        int first = _negative.Length;
        while (first > 0 && _negative[first - 1] == 0)
        {
            first--;
        }

        int low = -first;
        int high = _positive.Length;
        while (high > 0 && _positive[high - 1] == 0)
        {
            high--;
        }

        if (low == 0)
        {
            while (low < high && _positive[low] == 0)
            {
                low++;
            }
        }
        else if (high == 0)
        {
            while (_negative[-1 - (high - 1)] == 0)
            {
                high--;
            }
        }

        ImmutableArray<long>.Builder counts = ImmutableArray.CreateBuilder<long>(high - low);
        for (int b = low; b < high; b++)
        {
            counts.Add(At(b));
        }

        return new(Math.ScaleB(1, Exponent), low, counts.MoveToImmutable());
    }

    private static int ExponentFor(double greatest) =>
        greatest == 0 ? SmallestExponent : Math.Max(Math.ILogB(greatest) - SideExponent, SmallestExponent);

    private static ReadOnlySpan<float> Finite(ReadOnlySpan<float> values, Span<float> kept)
    {
        int count = 0;
        foreach (float value in values)
        {
            if (float.IsFinite(value))
            {
                kept[count++] = value;
            }
        }

        return kept[..count];
    }

    /// <summary>floor(x / width) - first of each value.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Bins(ReadOnlySpan<float> values, int first, Span<int> indices)
    {
        float perWidth = (float)Math.ScaleB(1, -Exponent);
        var offset = new Vector<int>(first);
        int i = 0;
        for (; i <= values.Length - Vector<float>.Count; i += Vector<float>.Count)
        {
            var x = new Vector<float>(values[i..]);
            Vector<int> bin = Vector.ConvertToInt32Native(Vector.Floor(x * perWidth));

            // a negative product may round to -0, whose floor is not the bin below 0: -1 from all negative values that come out at 0
            bin += Vector.LessThan(x, Vector<float>.Zero) & Vector.Equals(bin, Vector<int>.Zero);
            (bin - offset).CopyTo(indices[i..]);
        }

        for (; i < values.Length; i++)
        {
            int bin = (int)MathF.Floor(values[i] * perWidth);
            indices[i] = (values[i] < 0 && bin == 0 ? -1 : bin) - first;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Count(ReadOnlySpan<int> indices, int[] counters, int stride)
    {
        int i = 0;
        for (; i <= indices.Length - Copies; i += Copies)
        {
            counters[indices[i]]++;
            counters[indices[i + 1] + stride]++;
            counters[indices[i + 2] + (2 * stride)]++;
            counters[indices[i + 3] + (3 * stride)]++;
        }

        for (; i < indices.Length; i++)
        {
            counters[indices[i]]++;
        }
    }

    private ref long At(int bin) => ref bin >= 0 ? ref _positive[bin] : ref _negative[-1 - bin];

    private void Allocate(int first, int last)
    {
        if (last >= 0 && _positive.Length == 0)
        {
            _positive = new long[Side];
        }

        if (first < 0 && _negative.Length == 0)
        {
            _negative = new long[Side];
        }
    }

    private void WidenTo(int exponent)
    {
        int shift = exponent - Exponent;
        if (shift <= 0)
        {
            return;
        }

        Exponent = exponent;
        Merge(_positive, shift);
        Merge(_negative, shift);
    }

    // with -1 - i as the bin of i, the pair floor(bin / 2) is i / 2 on both sides
    private static void Merge(long[] counts, int shift)
    {
        for (int i = 1; i < counts.Length; i++)
        {
            long count = counts[i];
            counts[i] = 0;
            counts[i >> Math.Min(shift, WidestShift)] += count;
        }
    }
}
