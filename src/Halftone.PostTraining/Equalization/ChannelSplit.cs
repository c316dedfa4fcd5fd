namespace Halftone.PostTraining.Equalization;

/// <summary>Input channels of a layer, some of them split in two that add up to what they were.</summary>
/// <param name="Origins">The channel that each stands for.</param>
/// <param name="Columns">The weights of each: for every place of the others axes, in order.</param>
internal sealed record ChannelSplit(int[] Origins, float[][] Columns)
{
    /// <summary>Splits the channel with the greatest magnitude, of the first ones and those that were added, so often.</summary>
    /// <param name="columns">The weights of each channel.</param>
    /// <param name="added">How many channels are added.</param>
    /// <param name="steps">Step of the codes at each place, for (w - s/2) / 2 and (w + s/2) / 2; null for w / 2 twice.</param>
    public static ChannelSplit OfWeights(float[][] columns, int added, double[]? steps)
    {
        List<int> origins = [.. Enumerable.Range(0, columns.Length)];
        List<float[]> split = [.. columns];
        List<float> greatest = [.. columns.Select(Magnitude)];
        for (int i = 0; i < added; i++)
        {
            int at = greatest.IndexOf(greatest.Max());
            float[] whole = split[at];
            var (lower, upper) = (new float[whole.Length], new float[whole.Length]);
            for (int p = 0; p < whole.Length; p++)
            {
                double quarter = steps is null ? 0 : steps[p] / 4;
                (lower[p], upper[p]) = ((float)((whole[p] / 2.0) - quarter), (float)((whole[p] / 2.0) + quarter));
            }

            (split[at], greatest[at]) = (lower, Magnitude(lower));
            split.Add(upper);
            greatest.Add(Magnitude(upper));
            origins.Add(origins[at]);
        }

        return new([.. origins], [.. split]);
    }

    private static float Magnitude(float[] column) => column.Length == 0 ? 0 : Math.Abs(System.Numerics.Tensors.TensorPrimitives.MaxMagnitude<float>(column));
}

/// <summary>Input channels of a layer whose values are split: each is Factor x + Offset, and those of one channel add up to x.</summary>
/// <param name="Origins">The channel that each stands for.</param>
/// <param name="Factors">Of each.</param>
/// <param name="Offsets">Of each.</param>
internal sealed record ValueSplit(int[] Origins, double[] Factors, double[] Offsets)
{
    /// <summary>Splits the channel whose values reach farthest, so often.</summary>
    /// <param name="min">Least value of each channel.</param>
    /// <param name="max">Greatest value of each channel.</param>
    /// <param name="added">How many channels are added.</param>
    /// <param name="step">Step of the codes; 0 for x / 2 twice.</param>
    public static ValueSplit Of(float[] min, float[] max, int added, double step)
    {
        List<(int Origin, double Factor, double Offset)> parts = [.. min.Select((_, c) => (c, 1.0, 0.0))];
        for (int i = 0; i < added; i++)
        {
            (int origin, double factor, double offset) = parts.MaxBy(Reach);
            int at = parts.IndexOf((origin, factor, offset));
            parts[at] = (origin, factor / 2, (offset / 2) - (step / 4));
            parts.Add((origin, factor / 2, (offset / 2) + (step / 4)));
        }

        return new([.. parts.Select(p => p.Origin)], [.. parts.Select(p => p.Factor)], [.. parts.Select(p => p.Offset)]);

        double Reach((int Origin, double Factor, double Offset) p) => Math.Max(Math.Abs((min[p.Origin] * p.Factor) + p.Offset), Math.Abs((max[p.Origin] * p.Factor) + p.Offset));
    }

    /// <summary>Step of codes from the least to the greatest value, 0 among them.</summary>
    public double Step(float[] min, float[] max, int bits)
    {
        double low = Origins.Select((o, i) => (min[o] * Factors[i]) + Offsets[i]).Append(0).Min();
        double high = Origins.Select((o, i) => (max[o] * Factors[i]) + Offsets[i]).Append(0).Max();
        return (high - low) / (Math.Pow(2, bits) - 1);
    }
}
