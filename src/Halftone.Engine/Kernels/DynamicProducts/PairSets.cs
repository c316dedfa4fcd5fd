using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Halftone.Engine.Kernels.DynamicProducts;

/// <summary>32 sums in two registers.</summary>
internal readonly struct Wide512(Vector512<int> low, Vector512<int> high)
{
    public readonly Vector512<int> Low = low;
    public readonly Vector512<int> High = high;
}

/// <summary>16 sums in two registers.</summary>
internal readonly struct Wide256(Vector256<int> low, Vector256<int> high)
{
    public readonly Vector256<int> Low = low;
    public readonly Vector256<int> High = high;
}

/// <summary>AVX-512 with bytes and words.</summary>
internal readonly unsafe struct Avx512PairSet : IPairSet<Wide512>
{
    public static bool IsSupported => Avx512BW.IsSupported;

    public static int Width => 32;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Wide512 Load(int* from) => new(Vector512.Load(from), Vector512.Load(from + 16));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(int* to, Wide512 sums)
    {
        sums.Low.Store(to);
        sums.High.Store(to + 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Wide512 Differences(byte* codes, int zero) =>
        new(Avx512F.ConvertToVector512Int32(Vector128.Load(codes)) - Vector512.Create(zero), Avx512F.ConvertToVector512Int32(Vector128.Load(codes + 16)) - Vector512.Create(zero));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Wide512 Pair(Wide512 first, Wide512 second) => new(Pair(first.Low, second.Low), Pair(first.High, second.High));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Wide512 Add(Wide512 sums, int* pair, Wide512 pairs)
    {
        Vector512<short> a = Vector512.Create(*pair).AsInt16();
        return new(sums.Low + Avx512BW.MultiplyAddAdjacent(a, pairs.Low.AsInt16()), sums.High + Avx512BW.MultiplyAddAdjacent(a, pairs.High.AsInt16()));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<int> Pair(Vector512<int> first, Vector512<int> second) => (first & Vector512.Create(0xFFFF)) | (second << 16);
}

/// <summary>AVX2.</summary>
internal readonly unsafe struct Avx2PairSet : IPairSet<Wide256>
{
    public static bool IsSupported => Avx2.IsSupported;

    public static int Width => 16;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Wide256 Load(int* from) => new(Vector256.Load(from), Vector256.Load(from + 8));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(int* to, Wide256 sums)
    {
        sums.Low.Store(to);
        sums.High.Store(to + 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Wide256 Differences(byte* codes, int zero) =>
        new(Avx2.ConvertToVector256Int32(codes) - Vector256.Create(zero), Avx2.ConvertToVector256Int32(codes + 8) - Vector256.Create(zero));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Wide256 Pair(Wide256 first, Wide256 second) => new(Pair(first.Low, second.Low), Pair(first.High, second.High));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Wide256 Add(Wide256 sums, int* pair, Wide256 pairs)
    {
        Vector256<short> a = Vector256.Create(*pair).AsInt16();
        return new(sums.Low + Avx2.MultiplyAddAdjacent(a, pairs.Low.AsInt16()), sums.High + Avx2.MultiplyAddAdjacent(a, pairs.High.AsInt16()));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Pair(Vector256<int> first, Vector256<int> second) => (first & Vector256.Create(0xFFFF)) | (second << 16);
}

/// <summary>One column, on any machine.</summary>
internal readonly unsafe struct ScalarPairSet : IPairSet<int>
{
    public static int Width => 1;

    public static int Load(int* from) => *from;

    public static void Store(int* to, int sums) => *to = sums;

    public static int Differences(byte* codes, int zero) => *codes - zero;

    public static int Pair(int first, int second) => (first & 0xFFFF) | (second << 16);

    public static int Add(int sums, int* pair, int pairs) => sums + ((short)*pair * (short)pairs) + ((*pair >> 16) * (pairs >> 16));
}
