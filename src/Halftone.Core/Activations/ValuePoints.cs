using Halftone.Statistics;

namespace Halftone.Activations;

/// <summary>The values of an edge as points with counts, rising: middles of the bins that hold any, at most about 4096, and 0 by itself.</summary>
internal sealed class ValuePoints
{
    private const int Bins = 4096;

    private ValuePoints(double[] values, double[] counts) => (Values, Counts) = (values, counts);

    /// <summary>Rising.</summary>
    public double[] Values { get; }

    /// <summary>How often each occurs.</summary>
    public double[] Counts { get; }

    /// <summary>Those of a histogram; empty without values.</summary>
    public static ValuePoints Of(TensorStatistics statistics)
    {
        if (statistics.Count == 0)
        {
            return new([], []);
        }

        Histogram all = statistics.Histogram.WithoutZeros(statistics.Zeros);
        Histogram histogram = all.Merged(Math.Max((all.Counts.Length + Bins - 1) / Bins, 1));
        List<(double Value, double Count)> points = [];
        for (int position = 0; position < histogram.Counts.Length; position++)
        {
            if (histogram.Counts[position] > 0)
            {
                points.Add((Math.Clamp(histogram.Centre(position), statistics.Min, statistics.Max), histogram.Counts[position]));
            }
        }

        if (statistics.Zeros > 0)
        {
            points.Add((0, statistics.Zeros));
        }

        (double Value, double Count)[] rising = [.. points.OrderBy(p => p.Value)];
        return new([.. rising.Select(p => p.Value)], [.. rising.Select(p => p.Count)]);
    }

    /// <summary>sum of count * (value - level)^2.</summary>
    public double SquaredError(Func<double, double> level)
    {
        double sum = 0;
        for (int i = 0; i < Values.Length; i++)
        {
            double apart = Values[i] - level(Values[i]);
            sum += Counts[i] * apart * apart;
        }

        return sum;
    }
}
