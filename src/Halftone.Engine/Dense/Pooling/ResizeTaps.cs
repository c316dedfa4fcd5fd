
namespace Halftone.Engine.Dense.Pooling;

/// <summary>One axis of a Resize: the elements every output is made of.</summary>
/// <param name="Length">Outputs.</param>
/// <param name="Taps">Elements an output is made of.</param>
/// <param name="Index">Offsets of the elements, [Length, Taps].</param>
/// <param name="Weight">Their weights.</param>
/// <param name="Outside">Outputs that see nothing of the input; null where there are none.</param>
internal sealed record ResizeTaps(int Length, int Taps, int[] Index, float[] Weight, bool[]? Outside)
{
    /// <summary>An axis that stays as it is.</summary>
    public static ResizeTaps Same(int length, int stride) =>
        new(length, 1, [.. Enumerable.Range(0, length).Select(i => i * stride)], [.. Enumerable.Repeat(1f, length)], null);

    /// <summary>An axis that is resized.</summary>
    /// <param name="options">How.</param>
    /// <param name="inputs">Elements of the input.</param>
    /// <param name="outputs">Elements of the output.</param>
    /// <param name="length">The same; where scales are given scale times inputs, which need be no integer, as in ONNX's reference (ONNX Runtime cuts it off).</param>
    /// <param name="stride">From an element of the input to the next.</param>
    /// <param name="scale">Outputs per input.</param>
    /// <param name="start">Where the region of interest begins, and</param>
    /// <param name="end">where it ends, as parts of the input.</param>
    public static ResizeTaps Of(ResizeOptions options, int inputs, int outputs, float length, int stride, float scale, float start, float end)
    {
        int taps = options.Taps;
        var index = new int[outputs * taps];
        var weight = new float[outputs * taps];
        var outside = new bool[outputs];
        for (int o = 0; o < outputs; o++)
        {
            float at = options.Coordinates.Original(o, length, inputs, scale, start, end);
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

        return new ResizeTaps(outputs, taps, index, weight, options.Crops ? outside : null);
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
                return options.Nearest.Nearest(at, scale);
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
