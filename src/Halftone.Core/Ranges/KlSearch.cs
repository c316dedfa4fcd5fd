namespace Halftone.Ranges;

/// <summary>Whose search for the window with the least Kullback-Leibler divergence.</summary>
public enum KlVariant
{
    /// <summary>The slides of Migacz 2017.</summary>
    Slides,

    /// <summary>NVIDIA's pytorch-quantization.</summary>
    Nvidia,

    /// <summary>ONNX Runtime's EntropyCalibrater.</summary>
    OnnxRuntime,
}

/// <summary>The number of bins whose quantized distribution says most about the whole; pure functions of counts.</summary>
/// <remarks>
/// <para>For a window of i bins, P is the counts in it with all beyond added to its last bin, Q the counts without these, averaged over groups of bins,
/// one group a code; the divergence is sum P ln(P / Q) of both normalised.</para>
/// <para>Slides and NVIDIA: Q is constant in a group, so sums over a group come from running sums and a window costs one logarithm a group:
/// sum P ln P - sum over groups of (P in it) ln(average in it).</para>
/// </remarks>
public static class KlSearch
{
    /// <summary>The slides: groups of i / levels bins, the last takes the rest; a count spreads over the bins where P is not 0; the first of equals.</summary>
    /// <param name="counts">Of |x|, from 0 on.</param>
    /// <param name="levels">Codes for |x|: 128 for int8.</param>
    /// <param name="smallest">The smallest window tried.</param>
    /// <returns>The window and its divergence; all bins and infinity where no window is comparable.</returns>
    public static (int Window, double Divergence) Slides(ReadOnlySpan<long> counts, int levels, int smallest)
    {
        var sums = new RunningSums(counts);
        (int Window, double Divergence) best = (counts.Length, double.PositiveInfinity);
        for (int i = Math.Max(smallest, levels); i <= counts.Length; i++)
        {
            int width = i / levels;
            double divergence = sums.Divergence(i, levels, g => g * width, lastBinCounts: true);
            best = divergence < best.Divergence ? (i, divergence) : best;
        }

        return best;
    }

    /// <summary>NVIDIA: the count of bin 0 is that of bin 1; bin j is in group floor(j * levels / i); a count spreads over the bins that are not empty;
    /// the last of equals.</summary>
    /// <param name="counts">Of |x|, from 0 on.</param>
    /// <param name="levels">Codes for |x|: 128 for int8, 256 for uint8.</param>
    /// <param name="smallest">The smallest window tried: 128 there.</param>
    /// <returns>The window and its divergence; all bins and infinity where no window is comparable.</returns>
    public static (int Window, double Divergence) Nvidia(ReadOnlySpan<long> counts, int levels, int smallest)
    {
        long[] bins = counts.ToArray();
        if (bins.Length > 1)
        {
            bins[0] = bins[1];
        }

        var sums = new RunningSums(bins);
        (int Window, double Divergence) best = (bins.Length, double.PositiveInfinity);
        for (int i = smallest; i <= bins.Length; i++)
        {
            int window = i;
            double divergence = sums.Divergence(i, levels, g => (int)((((long)g * window) + levels - 1) / levels), lastBinCounts: false);
            best = divergence <= best.Divergence ? (i, divergence) : best;
        }

        return best;
    }

    /// <summary>ONNX Runtime: windows of i bins below and i + 1 above the middle of a two-sided histogram; averages cut to integers; zeros of both
    /// distributions raised to 1e-4, taken off the others evenly; the first of equals.</summary>
    /// <param name="counts">Of x, 0 in the middle.</param>
    /// <param name="levels">Codes for x: 128 there for all types.</param>
    /// <returns>i, and its divergence: the range is -i..i + 1 bins.</returns>
    public static (int Half, double Divergence) OnnxRuntime(ReadOnlySpan<long> counts, int levels)
    {
        int middle = counts.Length / 2;
        (int Half, double Divergence) best = (middle, double.PositiveInfinity);
        for (int i = levels / 2; i <= middle; i++)
        {
            int start = middle - i;
            int end = Math.Min(middle + i + 1, counts.Length);
            double divergence = SmoothedDivergence(counts, start, end, levels);
            best = divergence < best.Divergence ? (i, divergence) : best;
        }

        return best;
    }

    private static float SmoothedDivergence(ReadOnlySpan<long> counts, int start, int end, int levels)
    {
        ReadOnlySpan<long> slice = counts[start..end];
        var p = new float[slice.Length];
        for (int j = 0; j < p.Length; j++)
        {
            p[j] = slice[j];
        }

        p[0] = slice[0] + Sum(counts[..start]);
        p[^1] = slice[^1] + Sum(counts[end..]);
        var q = new float[p.Length];
        int merged = p.Length / levels;
        for (int g = 0; g < levels; g++)
        {
            int from = g * merged;
            int occupied = merged - p.AsSpan(from, merged).Count(0f);
            long count = Sum(slice.Slice(from, merged)) + (g == levels - 1 ? Sum(slice[(levels * merged)..]) : 0);
            if (occupied > 0)
            {
                q.AsSpan(from, merged).Fill(count / occupied);
            }
        }

        return Smooth(p) && Smooth(q) ? Divergence(p, q) : float.PositiveInfinity;
    }

    private static bool Smooth(float[] values)
    {
        const double Raised = 1e-4;
        int zeros = values.AsSpan().Count(0f);
        if (zeros == values.Length)
        {
            return false;
        }

        float lowered = (float)(Raised * zeros / (values.Length - zeros));
        for (int j = 0; j < values.Length; j++)
        {
            values[j] = values[j] == 0 ? (float)Raised : values[j] - lowered;
        }

        return true;
    }

    // near windows differ in the fifth digit, so that single precision and even the order of the sums decide: both are NumPy's
    private static float Divergence(float[] p, float[] q)
    {
        float sumP = PairwiseSum(p);
        float sumQ = PairwiseSum(q);
        for (int j = 0; j < p.Length; j++)
        {
            double shareP = p[j] / sumP;
            double shareQ = q[j] / sumQ;
            p[j] = (float)(shareP * Math.Log(shareP / shareQ));
        }

        return PairwiseSum(p);
    }

    /// <summary>The sum as NumPy forms it: halves down to 128 values, these in eight columns.</summary>
    private static float PairwiseSum(ReadOnlySpan<float> values)
    {
        const int Columns = 8;
        if (values.Length > 128)
        {
            int half = values.Length / 2 / Columns * Columns;
            return PairwiseSum(values[..half]) + PairwiseSum(values[half..]);
        }

        float sum = 0;
        int i = 0;
        if (values.Length >= Columns)
        {
            Span<float> r = stackalloc float[Columns];
            for (; i <= values.Length - Columns; i += Columns)
            {
                for (int k = 0; k < Columns; k++)
                {
                    r[k] += values[i + k];
                }
            }

            sum = r[0] + r[1] + (r[2] + r[3]) + (r[4] + r[5] + (r[6] + r[7]));
        }

        for (; i < values.Length; i++)
        {
            sum += values[i];
        }

        return sum;
    }

    private static long Sum(ReadOnlySpan<long> counts)
    {
        long sum = 0;
        foreach (long count in counts)
        {
            sum += count;
        }

        return sum;
    }

    /// <summary>Counts, bins that are not empty, and count * ln(count), each summed from bin 0 on.</summary>
    private sealed class RunningSums
    {
        private readonly long[] _count;
        private readonly int[] _occupied;
        private readonly double[] _countLog;

        public RunningSums(ReadOnlySpan<long> counts)
        {
            _count = new long[counts.Length + 1];
            _occupied = new int[counts.Length + 1];
            _countLog = new double[counts.Length + 1];
            for (int i = 0; i < counts.Length; i++)
            {
                _count[i + 1] = _count[i] + counts[i];
                _occupied[i + 1] = _occupied[i] + (counts[i] > 0 ? 1 : 0);
                _countLog[i + 1] = _countLog[i] + TimesLog(counts[i]);
            }
        }

        /// <summary>KL(P, Q) of the first i bins.</summary>
        /// <param name="i">The window.</param>
        /// <param name="levels">Groups.</param>
        /// <param name="firstBin">First bin of a group; the last group ends with the window.</param>
        /// <param name="lastBinCounts">Whether an empty last bin takes a share of its group's count because P is not 0 there.</param>
        public double Divergence(int i, int levels, Func<int, int> firstBin, bool lastBinCounts)
        {
            long inside = _count[i];
            long total = _count[^1];
            long beyond = total - inside;
            long lastBin = inside - _count[i - 1];
            bool raised = lastBin == 0 && beyond > 0;
            if (inside == 0 || (raised && !lastBinCounts))
            {
                return double.PositiveInfinity;
            }

            double cross = 0;
            int from = 0;
            for (int g = 0; g < levels; g++)
            {
                int to = g == levels - 1 ? i : firstBin(g + 1);
                bool last = to == i && from < i;
                long count = _count[to] - _count[from];
                long reference = count + (last ? beyond : 0);
                int occupied = _occupied[to] - _occupied[from] + (last && raised ? 1 : 0);
                from = to;
                if (reference == 0)
                {
                    continue;
                }

                if (count == 0)
                {
                    return double.PositiveInfinity;
                }

                cross += reference * Math.Log((double)count / occupied);
            }

            double own = _countLog[i - 1] + TimesLog(lastBin + beyond);
            return ((own - cross) / total) - Math.Log((double)total / inside);
        }

        private static double TimesLog(long count) => count == 0 ? 0 : count * Math.Log(count);
    }
}
