namespace Halftone.Statistics;

/// <summary>What one pass over a data set knows of a tensor: every range method is a pure function of it. Values that are not finite are counted apart.</summary>
public sealed record TensorStatistics
{
    /// <summary>Number of finite values.</summary>
    public required long Count { get; init; }

    /// <summary>Number of NaN and infinite values, which are in nothing else here.</summary>
    public long NonFinite { get; init; }

    /// <summary>Number of values that are exactly 0, which most are after a ReLU.</summary>
    public long Zeros { get; init; }

    /// <summary>Least value; 0 without values.</summary>
    public required double Min { get; init; }

    /// <summary>Greatest value; 0 without values.</summary>
    public required double Max { get; init; }

    /// <summary>Mean.</summary>
    public required double Mean { get; init; }

    /// <summary>Variance (of the population).</summary>
    public required double Variance { get; init; }

    /// <summary>Mean of |x|.</summary>
    public double MeanAbsolute { get; init; }

    /// <summary>Moving average of the batches' minima: the first batch sets it, each later one moves it by 0.01 of the difference (PyTorch's constant).</summary>
    public double MovingMin { get; init; }

    /// <summary>Moving average of the batches' maxima.</summary>
    public double MovingMax { get; init; }

    /// <summary>Mean over batches of their minima.</summary>
    public double AverageMin { get; init; }

    /// <summary>Mean over batches of their maxima.</summary>
    public double AverageMax { get; init; }

    /// <summary>Where the values lie.</summary>
    public required Histogram Histogram { get; init; }

    /// <summary>The same for each index of an axis, where it was asked for; else null.</summary>
    public ChannelStatistics? Channels { get; init; }
}

/// <summary>Minimum, maximum and first two moments for each index of an axis.</summary>
/// <param name="Axis">The axis.</param>
/// <param name="Count">Finite values of an index: of the one with most, where some had values that are not finite.</param>
/// <param name="Min">Least value of each index.</param>
/// <param name="Max">Greatest value of each index.</param>
/// <param name="Mean">Mean of each index.</param>
/// <param name="Variance">Variance of each index.</param>
public sealed record ChannelStatistics(int Axis, long Count, double[] Min, double[] Max, double[] Mean, double[] Variance);
