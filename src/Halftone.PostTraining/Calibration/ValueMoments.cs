using System.Collections.Immutable;
using Halftone.Statistics;

namespace Halftone.PostTraining.Calibration;

/// <summary>How a value is distributed, as far as the network itself tells: a clipped normal for each channel.</summary>
/// <param name="Channels">One for each index of the axis; a single one where channels are not told apart.</param>
/// <param name="Axis">The axis of channels; -1 where they are not told apart.</param>
internal sealed record ValueMoments(ClippedNormal[] Channels, int Axis)
{
    private const int Bins = 1024;
    private const long Counted = 1L << 24;

    /// <summary>One distribution for all elements.</summary>
    public static ValueMoments Same(ClippedNormal of) => new([of], -1);

    /// <summary>Channels no longer told apart: mean and variance of all, bounds that hold each.</summary>
    public ValueMoments Pooled(double deviations)
    {
        if (Axis < 0)
        {
            return this;
        }

        return Same(Mixture(Channels, deviations));
    }

    /// <summary>Each channel through a function.</summary>
    public ValueMoments Select(Func<ClippedNormal, ClippedNormal> of) => this with { Channels = Array.ConvertAll(Channels, c => of(c)) };

    /// <summary>The distribution of so many inputs on an axis.</summary>
    public ClippedNormal[] Along(int axis, int length, double deviations) =>
        Axis == axis && Channels.Length == length ? Channels : [.. Enumerable.Repeat(Pooled(deviations).Channels[0], length)];

    /// <summary>A normal with the moments of several, within the bounds of all.</summary>
    public static ClippedNormal Mixture(IReadOnlyCollection<ClippedNormal> parts, double deviations)
    {
        double mean = parts.Average(p => p.Mean);
        double variance = parts.Average(p => p.Variance + ((p.Mean - mean) * (p.Mean - mean)));
        return new(mean, Math.Sqrt(variance), parts.Min(p => p.Range(deviations).Min), parts.Max(p => p.Range(deviations).Max));
    }

    /// <summary>Statistics as if many values had been seen, within so many deviations.</summary>
    public TensorStatistics Statistics(double deviations)
    {
        (double min, double max) = (Channels.Min(c => c.Range(deviations).Min), Channels.Max(c => c.Range(deviations).Max));
        double mean = Channels.Average(c => c.Mean);
        double variance = Channels.Average(c => c.Variance + ((c.Mean - mean) * (c.Mean - mean)));
        (Histogram histogram, long zeros) = Count(min, max);
        return new()
        {
            Count = histogram.Total,
            Zeros = zeros,
            Min = min,
            Max = max,
            Mean = mean,
            Variance = variance,
            MeanAbsolute = Enumerable.Range(0, histogram.Counts.Length).Sum(i => Math.Abs(histogram.Centre(i)) * histogram.Counts[i]) / Math.Max(1, histogram.Total),
            MovingMin = min,
            MovingMax = max,
            AverageMin = min,
            AverageMax = max,
            Histogram = histogram,
        };
    }

    private (Histogram Histogram, long Zeros) Count(double min, double max)
    {
        double reach = Math.Max(Math.Abs(min), Math.Abs(max));
        double width = reach == 0 ? 1 : Math.Pow(2, Math.Ceiling(Math.Log2(reach / Bins)));
        int first = (int)Math.Floor(min / width);
        var shares = new double[(int)Math.Floor(max / width) - first + 1];
        double zeros = 0;
        foreach (ClippedNormal channel in Channels)
        {
            AddBody(channel, shares, first, width);
            zeros += AddEnd(channel.Low, channel.AtLow, shares, first, width) + (channel.High == channel.Low ? 0 : AddEnd(channel.High, channel.AtHigh, shares, first, width));
        }

        double each = Counted / (double)Channels.Length;
        long[] counts = Array.ConvertAll(shares, s => (long)Math.Round(s * each));
        long exact = (long)Math.Floor(zeros * each);
        return (new Histogram(width, first, [.. counts]), -first >= 0 && -first < counts.Length ? Math.Min(exact, counts[-first]) : 0);
    }

    private static void AddBody(ClippedNormal channel, double[] shares, int first, double width)
    {
        if (channel.Spread == 0)
        {
            if (channel.Centre > channel.Low && channel.Centre < channel.High)
            {
                shares[Math.Clamp((int)Math.Floor(channel.Centre / width) - first, 0, shares.Length - 1)]++;
            }

            return;
        }

        double below = Table.Cumulative((Math.Max((first * width), channel.Low) - channel.Centre) / channel.Spread);
        for (int i = 0; i < shares.Length; i++)
        {
            double border = Math.Clamp((first + i + 1) * width, channel.Low, channel.High);
            double to = Table.Cumulative((border - channel.Centre) / channel.Spread);
            shares[i] += Math.Max(0, to - below);
            below = Math.Max(below, to);
        }
    }

    /// <returns>The share that is exactly 0.</returns>
    private static double AddEnd(double bound, double share, double[] shares, int first, double width)
    {
        if (share > 0)
        {
            shares[Math.Clamp((int)Math.Floor(bound / width) - first, 0, shares.Length - 1)] += share;
        }

        return bound == 0 ? share : 0;
    }

    /// <summary>The normal distribution at many places: a table with straight lines between, within 2e-6.</summary>
    private static class Table
    {
        private const int PerUnit = 256;
        private const int Reach = 8;

        private static readonly ImmutableArray<double> s_values = [.. Enumerable.Range(0, (2 * Reach * PerUnit) + 2).Select(i => Numerics.Normal.Cumulative(((double)i / PerUnit) - Reach))];

        public static double Cumulative(double x)
        {
            double at = (Math.Clamp(x, -Reach, Reach) + Reach) * PerUnit;
            int i = (int)at;
            return s_values[i] + ((at - i) * (s_values[i + 1] - s_values[i]));
        }
    }
}
