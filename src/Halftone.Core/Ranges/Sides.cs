using Halftone.Statistics;

namespace Halftone.Ranges;

/// <summary>What range methods ask about the two sides of zero.</summary>
internal static class Sides
{
    /// <summary>Whether no value is below zero, or none above: as after a ReLU.</summary>
    public static bool OneSided(this TensorStatistics statistics) => statistics.Min >= 0 || statistics.Max <= 0;

    /// <summary>max|x|.</summary>
    public static double Greatest(this TensorStatistics statistics) => Math.Max(-statistics.Min, statistics.Max);

    /// <summary>Codes for the side of zero that has most: all of them where one side has no values and the zero point is free, else half.</summary>
    public static int SideLevels(this TensorStatistics statistics, QuantizationGrid grid) =>
        statistics.OneSided() && !grid.Symmetric ? grid.Codes.Levels : Math.Max(grid.Codes.Levels / 2, 1);

    /// <summary>Values beyond +-limit clipped.</summary>
    public static ClipRange Within(this TensorStatistics statistics, double limit) => statistics.Within(-limit, limit);

    /// <summary>The part of a range that was observed, and zero.</summary>
    public static ClipRange Within(this TensorStatistics statistics, double min, double max) =>
        new(Math.Max(Math.Min(statistics.Min, 0), Math.Min(min, 0)), Math.Min(Math.Max(statistics.Max, 0), Math.Max(max, 0)));
}
