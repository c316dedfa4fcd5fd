using System.Numerics;
using Halftone.Statistics;

namespace Halftone.Ranges;

/// <summary>The clipping of |x| that keeps most information: the least Kullback-Leibler divergence between the histogram and its quantized form.</summary>
/// <remarks>
/// <para>The search is that of <see cref="KlSearch"/>, on 2048 to 4096 bins of a power of two as width, without the exact zeros, which every range keeps.</para>
/// <para>Chosen here, against outliers that leave too few bins for the rest: the histogram ends at twice the quantile 0.9999 of |x|, and what lies
/// beyond counts as beyond every window. Of ordinary distributions nothing lies there.</para>
/// <para>Where fewer bins are in use than there are codes, or there are fewer values than bins, as of small tensors and few samples, the range ends there
/// too: nothing is won by clipping, or single values would be taken for a distribution.</para>
/// <para>Cost: at most 4096 windows of one logarithm a code; O(bins^2) for ONNX Runtime's variant.</para>
/// </remarks>
public sealed record KlEntropy : IRangeMethod, IDescribed
{
    private const int Bins = 2048;
    private const int SmallestWindow = 128;
    private const double Bulk = 0.9999;
    private const double Reach = 2;

    /// <inheritdoc/>
    public static MethodInfo Info { get; } = new("kl-entropy", "KL entropy (TensorRT)", "Migacz 2017, 8-bit Inference with TensorRT, GTC S7310");

    /// <summary>Whose search.</summary>
    public KlVariant Variant
    {
        get;
        init => field = Enum.IsDefined(value) ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "There is no such variant.");
    }

    /// <inheritdoc/>
    public ClipRange Estimate(TensorStatistics statistics, QuantizationGrid grid)
    {
        Histogram all = statistics.Histogram.WithoutZeros(statistics.Zeros);
        Histogram sizes = all.Absolute();
        double greatest = Math.Min(statistics.Greatest(), Reach * sizes.Quantile(Bulk));
        int used = (int)Math.Ceiling(greatest / sizes.BinWidth);
        int merge = 1 << BitOperations.Log2((uint)Math.Max(used / Bins, 1));
        sizes = sizes.Merged(merge);
        int end = Math.Min((used + merge - 1) / merge, sizes.Counts.Length);
        int levels = statistics.SideLevels(grid);
        int occupied = sizes.Counts.AsSpan()[..end].Length - sizes.Counts.AsSpan()[..end].Count(0);
        if (occupied < levels || sizes.Total < Bins)
        {
            return statistics.Within(greatest);
        }

        double width = sizes.BinWidth;
        long[] counts = UpTo(end, sizes);
        int smallest = Math.Min(Math.Max(SmallestWindow, levels), counts.Length);
        switch (Variant)
        {
            case KlVariant.Nvidia:
                return statistics.Within(KlSearch.Nvidia(counts, levels, smallest).Window * width);
            case KlVariant.OnnxRuntime:
                int half = KlSearch.OnnxRuntime(TwoSided(end, all.Merged(merge)), Math.Min(SmallestWindow, 2 * end)).Half;
                return statistics.Within(-half * width, Math.Min(half + 1, end) * width);
            default:
                return statistics.Within((KlSearch.Slides(counts, levels, smallest).Window + 0.5) * width);
        }
    }

    // what lies beyond is in the last bin, as in the last bin of every window
    private static long[] UpTo(int end, Histogram sizes)
    {
        ReadOnlySpan<long> counts = sizes.Counts.AsSpan();
        long[] kept = counts[..end].ToArray();
        foreach (long count in counts[end..])
        {
            kept[^1] += count;
        }

        return kept;
    }

    private static long[] TwoSided(int end, Histogram histogram)
    {
        var counts = new long[2 * end];
        for (int position = 0; position < histogram.Counts.Length; position++)
        {
            counts[Math.Clamp(end + histogram.FirstBin + position, 0, counts.Length - 1)] += histogram.Counts[position];
        }

        return counts;
    }
}
