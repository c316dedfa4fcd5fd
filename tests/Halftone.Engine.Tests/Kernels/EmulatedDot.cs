using System.Runtime.Intrinsics;
using Halftone.Engine.Kernels.Depthwise;
using Halftone.Engine.Kernels.Products;
using Halftone.Engine.Kernels.Vectors;
using Halftone.Engine.Kernels.Winograd;

namespace Halftone.Engine.Kernels;

/// <summary>Instructions of other machines one element at a time, so that the rest of their tiers is tested on this one.</summary>
internal readonly struct EmulatedDot : ISignedDot, IUnsignedDot, IPairDot
{
    public static ProductTier[] Products { get; } =
    [
        new("avxvnni-emulated", () => Avx2Set.IsSupported, ProductTiers.Build256<UnsignedDotSet<EmulatedDot>>),
        new("advsimd-emulated", () => true, ProductTiers.Build128<SignedDotSet<EmulatedDot>>),
    ];

    public static DepthwiseTier[] Depthwise { get; } =
    [
        new("avxvnni-emulated", _ => Avx2Set.IsSupported, DepthwiseTiers.Build256<UnsignedDotSet<EmulatedDot>>),
        new("advsimd-emulated", _ => true, DepthwiseTiers.Build128<SignedDotSet<EmulatedDot>>),
    ];

    public static WinogradTier Winograd { get; } = new("avxvnni-emulated", int.MaxValue, default, WinogradTiers.Build256<EmulatedDot>);

    public static Vector256<int> Dot(Vector256<int> sums, Vector256<short> left, Vector256<short> right)
    {
        for (int i = 0; i < 16; i++)
        {
            sums = sums.WithElement(i / 2, sums[i / 2] + (left[i] * right[i]));
        }

        return sums;
    }

    public static Vector256<int> Dot(Vector256<int> sums, Vector256<byte> activations, Vector256<sbyte> weights)
    {
        for (int i = 0; i < 32; i++)
        {
            sums = sums.WithElement(i / 4, sums[i / 4] + (activations[i] * weights[i]));
        }

        return sums;
    }

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
