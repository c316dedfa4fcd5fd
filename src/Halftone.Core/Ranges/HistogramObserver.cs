using Halftone.Statistics;

namespace Halftone.Ranges;

/// <summary>Cuts the ends of the histogram, quantile by quantile, as long as the squared error falls.</summary>
/// <remarks>PyTorch's _non_linear_param_search, with its 2^bits levels whatever codes are in use. Chosen here: bins merged to 2048 or up to twice as many.</remarks>
public sealed record HistogramObserver : IRangeMethod, IDescribed
{
    private const int Bins = 2048;
    private const double Step = 1e-5; // share of the values that one move passes over

    /// <inheritdoc/>
    public static MethodInfo Info { get; } = new("histogram-observer", "PyTorch HistogramObserver", "PyTorch torch.ao.quantization.observer.HistogramObserver");

    /// <inheritdoc/>
    public ClipRange Estimate(TensorStatistics statistics, QuantizationGrid grid)
    {
        Histogram histogram = statistics.Histogram.Merged(Math.Max(statistics.Histogram.Counts.Length / Bins, 1));
        if (statistics.Count == 0)
        {
            return default;
        }

        (int start, int end, _, _) = Search(histogram.Counts.AsSpan(), histogram.BinWidth, 1 << grid.Codes.Bits);
        double min = Math.Max(statistics.Min, histogram.Lowest + (start * histogram.BinWidth));
        double max = Math.Min(statistics.Max, histogram.Lowest + ((end + 1) * histogram.BinWidth));
        return new(min, max);
    }

    /// <summary>The first and last bin kept, the error of that, and how many errors were worked out.</summary>
    /// <param name="counts">At least one is not 0.</param>
    /// <param name="width">Of a bin.</param>
    /// <param name="levels">Of the quantizer.</param>
    public static (int Start, int End, double Error, int Evaluations) Search(ReadOnlySpan<long> counts, double width, int levels)
    {
        var sums = new double[counts.Length];
        double total = 0;
        for (int i = 0; i < counts.Length; i++)
        {
            sums[i] = total += counts[i];
        }

        (double alpha, double beta) = (0, 1);
        (int start, int end) = (0, counts.Length - 1);
        double least = double.PositiveInfinity;
        int evaluations = 0;
        while (alpha < beta)
        {
            double nextAlpha = alpha + Step;
            double nextBeta = beta - Step;
            int left = start;
            while (left < end && sums[left] < nextAlpha * total)
            {
                left++;
            }

            int right = end;
            while (right > start && sums[right] > nextBeta * total)
            {
                right--;
            }

            (int nextStart, int nextEnd) = (start, end);
            if (left - start > end - right)
            {
                (nextStart, alpha) = (left, nextAlpha);
            }
            else
            {
                (nextEnd, beta) = (right, nextBeta);
            }

            if (nextStart == start && nextEnd == end)
            {
                continue;
            }

            double error = Error(counts, width, nextStart, nextEnd, levels);
            evaluations++;
            if (error > least)
            {
                break;
            }

            (least, start, end) = (error, nextStart, nextEnd);
        }

        return (start, end, double.IsInfinity(least) ? Error(counts, width, start, end, levels) : least, evaluations);
    }

    /// <summary>Sum of squared distances from the centres of <paramref name="levels"/> cells over the bins start..end, the values spread evenly within bins.</summary>
    internal static double Error(ReadOnlySpan<long> counts, double width, int start, int end, int levels)
    {
        double cell = width * (end - start + 1) / levels;
        double sum = 0;
        for (int i = 0; i < counts.Length; i++)
        {
            double from = (i - start) * width;
            double to = from + width;
            double first = Math.Clamp(Math.Floor(from / cell), 0, levels - 1);
            double last = Math.Clamp(Math.Floor(to / cell), 0, levels - 1);
            double density = counts[i] / width;
            sum += density * (Cube(from - ((first + 0.5) * cell), cell / 2)
                + ((last - first - 1) * Cube(-cell / 2, cell / 2))
                + Cube(-cell / 2, to - ((last + 0.5) * cell)));
        }

        return sum;
    }

    // the integral of x^2
    private static double Cube(double from, double to) => ((to * to * to) - (from * from * from)) / 3;
}
