namespace Halftone.Engine.Kernels.Products.Narrow;

/// <summary>The few weights that 16-bit sums leave out, in compressed sparse columns: a column a channel.</summary>
/// <param name="Starts">[channels + 1]: where each column begins.</param>
/// <param name="Depths">Of every outlier where along the depth it is.</param>
/// <param name="Weights">The outliers.</param>
internal sealed record OutlierColumns(int[] Starts, int[] Depths, sbyte[] Weights)
{
    /// <summary>How many there are.</summary>
    public int Count => Weights.Length;

    /// <summary>Parts weights by magnitude: those below 2^(bits - 1) remain, the others become zeros there and outliers here.</summary>
    /// <param name="weights">[channels, depth].</param>
    /// <param name="channels">Number of channels.</param>
    /// <param name="bits">Bits of what remains; null where all does.</param>
    public static (sbyte[] Main, OutlierColumns Outliers) Split(sbyte[] weights, int channels, int? bits)
    {
        var starts = new int[channels + 1];
        if (bits is not { } main)
        {
            return (weights, new(starts, [], []));
        }

        int bound = 1 << (main - 1);
        int depth = weights.Length / channels;
        sbyte[] remaining = [.. weights];
        List<int> depths = [];
        List<sbyte> outliers = [];
        for (int i = 0; i < weights.Length; i++)
        {
            if (Math.Abs((int)weights[i]) >= bound)
            {
                depths.Add(i % depth);
                outliers.Add(weights[i]);
                remaining[i] = 0;
            }

            starts[(i / depth) + 1] = outliers.Count;
        }

        return (remaining, new(starts, [.. depths], [.. outliers]));
    }
}
