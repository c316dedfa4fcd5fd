namespace Halftone.Numerics;

/// <summary>The nearest of rising levels: their midpoints are the thresholds, and the index of a value is the number of thresholds below it, so that a value in the middle takes the lower level.</summary>
public static class NearestLevel
{
    /// <summary>The midpoints, one less than levels.</summary>
    /// <param name="levels">At least one, rising.</param>
    public static double[] Thresholds(ReadOnlySpan<float> levels)
    {
        var thresholds = new double[levels.Length - 1];
        for (int i = 0; i < thresholds.Length; i++)
        {
            thresholds[i] = ((double)levels[i] + levels[i + 1]) / 2;
        }

        return thresholds;
    }

    /// <summary>The number of thresholds below a value.</summary>
    /// <param name="thresholds">Not falling.</param>
    /// <param name="value">Any number.</param>
    public static int Index(ReadOnlySpan<double> thresholds, float value)
    {
        int low = 0;
        int high = thresholds.Length;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            (low, high) = thresholds[middle] < value ? (middle + 1, high) : (low, middle);
        }

        return low;
    }
}
