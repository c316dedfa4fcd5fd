using System.Collections.Immutable;
using Halftone.Statistics;

namespace Halftone.PostTraining.Calibration;

/// <summary>How the elements of a channel are distributed: a clipped normal, and ends that no element is beyond, which shape nothing else.</summary>
/// <param name="Normal">The distribution.</param>
/// <param name="Min">Lower end; may be infinite.</param>
/// <param name="Max">Upper end; may be infinite.</param>
internal readonly record struct ChannelDistribution(ClippedNormal Normal, double Min, double Max)
{
    /// <summary>The normal alone.</summary>
    public ChannelDistribution(ClippedNormal normal)
        : this(normal, double.NegativeInfinity, double.PositiveInfinity)
    {
    }

    /// <summary>Mean.</summary>
    public double Mean => Normal.Mean;

    /// <summary>Variance.</summary>
    public double Variance => Normal.Variance;

    /// <summary>With these moments, within these ends.</summary>
    public static ChannelDistribution Of(double mean, double variance, double min, double max) => new(new(mean, Math.Sqrt(Math.Max(0, variance))), min, max);

    /// <summary>So many deviations around the centre, within the ends.</summary>
    public (double Min, double Max) Range(double deviations)
    {
        (double min, double max) = Normal.Range(deviations);
        return (Math.Clamp(min, Min, Max), Math.Clamp(max, Min, Max));
    }

    /// <summary>Clipped.</summary>
    public ChannelDistribution Clip(double low, double high) => new(Normal.Clip(low, high), Math.Clamp(Min, low, high), Math.Clamp(Max, low, high));

    /// <summary>-x.</summary>
    public ChannelDistribution Negated => new(new(-Normal.Centre, Normal.Spread, -Normal.High, -Normal.Low), -Max, -Min);
}

/// <summary>How a value is distributed, as far as the network itself tells: a clipped normal for each channel.</summary>
/// <param name="Channels">One for each index of the axis; a single one where channels are not told apart.</param>
/// <param name="Axis">The axis of channels; -1 where they are not told apart.</param>
internal sealed record ValueMoments(ChannelDistribution[] Channels, int Axis)
{
    private const int Bins = 1024;
    private const long Counted = 1L << 24;

    /// <summary>One distribution for all elements.</summary>
    public static ValueMoments Same(ChannelDistribution of) => new([of], -1);

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
    public ValueMoments Select(Func<ChannelDistribution, ChannelDistribution> of) => this with { Channels = Array.ConvertAll(Channels, c => of(c)) };

    /// <summary>The distribution of so many inputs on an axis.</summary>
    public ChannelDistribution[] Along(int axis, int length, double deviations) =>
        Axis == axis && Channels.Length == length ? Channels : [.. Enumerable.Repeat(Pooled(deviations).Channels[0], length)];

    /// <summary>A normal with the moments of several, within the bounds of all.</summary>
    public static ChannelDistribution Mixture(IReadOnlyCollection<ChannelDistribution> parts, double deviations)
    {
        double mean = parts.Average(p => p.Mean);
        double variance = parts.Average(p => p.Variance + ((p.Mean - mean) * (p.Mean - mean)));
        return ChannelDistribution.Of(mean, variance, parts.Min(p => p.Range(deviations).Min), parts.Max(p => p.Range(deviations).Max));
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
        foreach (ChannelDistribution channel in Channels)
        {
            AddBody(channel.Normal, shares, first, width);
            zeros += (channel.Normal.Low == 0 ? channel.Normal.AtLow : 0) + (channel.Normal.High == 0 && channel.Normal.Low < 0 ? channel.Normal.AtHigh : 0);
        }

        double each = Counted / (double)Channels.Length;
        long[] counts = Array.ConvertAll(shares, s => (long)Math.Round(s * each));
        long exact = (long)Math.Floor(zeros * each);
        return (new Histogram(width, first, [.. counts]), -first >= 0 && -first < counts.Length ? Math.Min(exact, counts[-first]) : 0);
    }

    // bins reach the ends of the range; what little lies beyond is in the last ones
    private static void AddBody(ClippedNormal channel, double[] shares, int first, double width)
    {
        int Bin(double x) => (int)Math.Clamp(Math.Floor(x / width) - first, 0, shares.Length - 1);
        (double below, double above) = (channel.AtLow, channel.AtHigh);
        if (below > 0)
        {
            shares[Bin(channel.Low)] += below;
        }

        if (above > 0 && below < 1)
        {
            shares[Bin(channel.High)] += above;
        }

        if (channel.Spread == 0)
        {
            shares[Bin(channel.Centre)] += below + above == 0 ? 1 : 0;
            return;
        }

        double most = 1 - above;
        for (int i = 0; i < shares.Length && below < most; i++)
        {
            double to = i == shares.Length - 1 ? most : Math.Min(most, Table.Cumulative((((first + i + 1) * width) - channel.Centre) / channel.Spread));
            shares[i] += Math.Max(0, to - below);
            below = Math.Max(below, to);
        }
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
