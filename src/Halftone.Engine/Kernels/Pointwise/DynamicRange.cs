using System.Runtime.Intrinsics;

namespace Halftone.Engine.Kernels.Pointwise;

/// <summary>Scale and zero point of floats by their own range, as DynamicQuantizeLinear has it.</summary>
internal static unsafe class DynamicRange
{
    /// <summary>Of a range widened to hold 0; a range of nothing else has the scale 1.</summary>
    public static QuantizedRange Of(float* x, int count)
    {
        (float min, float max) = Extremes(x, count);
        float scale = max == min ? 1 : (max - min) / 255;
        return new(scale, (byte)MathF.Round(Math.Clamp(0 - (min / scale), 0, 255)));
    }

    private static (float Min, float Max) Extremes(float* x, int count)
    {
        Vector256<float> least = default, most = default;
        int at = 0;
        if (Vector512.IsHardwareAccelerated)
        {
            Vector512<float> wideLeast = default, wideMost = default;
            for (; at <= count - Vector512<float>.Count; at += Vector512<float>.Count)
            {
                Vector512<float> v = Vector512.Load(x + at);
                (wideLeast, wideMost) = (Vector512.Min(wideLeast, v), Vector512.Max(wideMost, v));
            }

            least = Vector256.Min(wideLeast.GetLower(), wideLeast.GetUpper());
            most = Vector256.Max(wideMost.GetLower(), wideMost.GetUpper());
        }

        for (; at <= count - Vector256<float>.Count; at += Vector256<float>.Count)
        {
            Vector256<float> v = Vector256.Load(x + at);
            (least, most) = (Vector256.Min(least, v), Vector256.Max(most, v));
        }

        (float min, float max) = (0, 0);
        for (int i = 0; i < Vector256<float>.Count; i++)
        {
            (min, max) = (MathF.Min(min, least[i]), MathF.Max(max, most[i]));
        }

        for (; at < count; at++)
        {
            (min, max) = (MathF.Min(min, x[at]), MathF.Max(max, x[at]));
        }

        return (min, max);
    }
}
