namespace Halftone.Engine.Dense.Pooling;

/// <summary>One axis of a Resize: the elements every output is made of.</summary>
/// <param name="Length">Outputs.</param>
/// <param name="Taps">Elements an output is made of.</param>
/// <param name="Index">Offsets of the elements, [Length, Taps].</param>
/// <param name="Weight">Their weights.</param>
/// <param name="Outside">Outputs that see nothing of the input; null where there are none.</param>
internal sealed record ResizeAxis(int Length, int Taps, int[] Index, float[] Weight, bool[]? Outside)
{
    /// <summary>An axis that stays as it is.</summary>
    public static ResizeAxis Same(int length, int stride) =>
        new(length, 1, [.. Enumerable.Range(0, length).Select(i => i * stride)], [.. Enumerable.Repeat(1f, length)], null);

    /// <summary>An axis that is resized.</summary>
    public static ResizeAxis Of(ResizeOptions options, int inputs, int outputs, float length, int stride, float scale, float start, float end)
    {
        int taps = options.Taps;
        var index = new int[outputs * taps];
        var weight = new float[outputs * taps];
        var outside = new bool[outputs];
        for (int o = 0; o < outputs; o++)
        {
            float at = options.Coordinate(o, length, inputs, scale, start, end);
            outside[o] = options.Crops && !(at >= 0 && at <= inputs - 1);
            Span<float> weights = weight.AsSpan(o * taps, taps);
            float first = Weigh(options, at, scale, weights);
            if (options.ExcludeOutside && taps == 4)
            {
                Exclude(weights, first, inputs);
            }

            for (int t = 0; t < taps; t++)
            {
                index[(o * taps) + t] = (int)Math.Clamp(first + t, 0, inputs - 1) * stride;
            }
        }

        return new ResizeAxis(outputs, taps, index, weight, options.Crops ? outside : null);
    }

    /// <summary>Weights of the elements from the one returned on.</summary>
    private static float Weigh(ResizeOptions options, float at, float scale, Span<float> weights)
    {
        float floor = MathF.Floor(at);
        float s = at - floor;
        switch (options.Mode)
        {
            case "nearest":
                weights[0] = 1;
                return options.Round(at, scale);
            case "linear":
                (weights[0], weights[1]) = (1 - s, s);
                return floor;
            default:
                float a = options.CubicA;
                weights[0] = (((((a * (s + 1)) - (5 * a)) * (s + 1)) + (8 * a)) * (s + 1)) - (4 * a);
                weights[1] = ((((a + 2) * s) - (a + 3)) * s * s) + 1;
                weights[2] = ((((a + 2) * (1 - s)) - (a + 3)) * (1 - s) * (1 - s)) + 1;
                weights[3] = (((((a * (2 - s)) - (5 * a)) * (2 - s)) + (8 * a)) * (2 - s)) - (4 * a);
                return floor - 1;
        }
    }

    private static void Exclude(Span<float> weights, float first, int inputs)
    {
        float sum = 0;
        for (int t = 0; t < weights.Length; t++)
        {
            weights[t] = first + t >= 0 && first + t <= inputs - 1 ? weights[t] : 0;
            sum += weights[t];
        }

        for (int t = 0; t < weights.Length && sum != 0; t++)
        {
            weights[t] /= sum;
        }
    }
}
