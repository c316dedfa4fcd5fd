using System.Runtime.Intrinsics;
using Halftone.Engine.Kernels.Depthwise;
using Halftone.Engine.Kernels.Products;
using Halftone.Engine.Kernels.Vectors;

namespace Halftone.Engine.Kernels;

/// <summary>Arm's instructions one element at a time, so that the rest of Arm's tiers is tested on every machine.</summary>
internal readonly struct EmulatedDot : ISignedDot
{
    public static ProductTier Products { get; } = new("advsimd-emulated", () => true, ProductTiers.Build128<SignedDotSet<EmulatedDot>>);

    public static DepthwiseTier Depthwise { get; } = new("advsimd-emulated", _ => true, DepthwiseTiers.Build128<SignedDotSet<EmulatedDot>>);

    public static Vector128<int> Dot(Vector128<int> sums, Vector128<sbyte> left, Vector128<sbyte> right)
    {
        for (int i = 0; i < 16; i++)
        {
            sums = sums.WithElement(i / 4, sums[i / 4] + (left[i] * right[i]));
        }

        return sums;
    }

    public static (Vector128<T> Lower, Vector128<T> Upper) Zip<T>(Vector128<T> left, Vector128<T> right)
        where T : unmanaged
    {
        Vector128<T> lower = default, upper = default;
        int half = Vector128<T>.Count / 2;
        for (int i = 0; i < half; i++)
        {
            lower = lower.WithElement(2 * i, left[i]).WithElement((2 * i) + 1, right[i]);
            upper = upper.WithElement(2 * i, left[half + i]).WithElement((2 * i) + 1, right[half + i]);
        }

        return (lower, upper);
    }
}
