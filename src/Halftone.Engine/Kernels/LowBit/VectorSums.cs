using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Halftone.Engine.Kernels.LowBit;

/// <summary>Sums of products of unsigned by signed bytes, four to an integer.</summary>
internal interface IByteProducts
{
    /// <summary>sum + a0 * b0 + a1 * b1, exact where the a are 15 at most.</summary>
    static abstract Vector256<int> Add(Vector256<int> sum, Vector256<byte> a0, Vector256<sbyte> b0, Vector256<byte> a1, Vector256<sbyte> b1);
}

/// <summary>By vpmaddubsw: four products of 15 * 127 at most fit its 16 bits.</summary>
internal readonly struct Avx2Products : IByteProducts
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Add(Vector256<int> sum, Vector256<byte> a0, Vector256<sbyte> b0, Vector256<byte> a1, Vector256<sbyte> b1) =>
        sum + Avx2.MultiplyAddAdjacent(Avx2.MultiplyAddAdjacent(a0, b0) + Avx2.MultiplyAddAdjacent(a1, b1), Vector256<short>.One);
}

/// <summary>By vpdpbusd.</summary>
internal readonly struct AvxVnniProducts : IByteProducts
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Add(Vector256<int> sum, Vector256<byte> a0, Vector256<sbyte> b0, Vector256<byte> a1, Vector256<sbyte> b1) =>
        AvxVnni.MultiplyWideningAndAdd(AvxVnni.MultiplyWideningAndAdd(sum, a0, b0), a1, b1);
}

/// <summary>How many bits codes take, known to the compiler.</summary>
internal interface ICodeWidth
{
    /// <summary>2 or 4.</summary>
    static abstract int Bits { get; }
}

/// <summary>Four to a byte.</summary>
internal readonly struct TwoBits : ICodeWidth
{
    public static int Bits => 2;
}

/// <summary>Two to a byte.</summary>
internal readonly struct FourBits : ICodeWidth
{
    public static int Bits => 4;
}

/// <summary>One step of 8 channels, as <see cref="LowBitPanels"/> packs them.</summary>
internal static unsafe class VectorSums<TProducts, TWidth>
    where TProducts : struct, IByteProducts
    where TWidth : struct, ICodeWidth
{
    /// <summary>Adds the products of a step's words by the integers of x at q.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Step(Vector256<int> sum, Vector256<byte> words, int* q)
    {
        sum = Pair(sum, words, q);
        return TWidth.Bits == 2 ? Pair(sum, Vector256.ShiftRightLogical(words.AsUInt16(), 4).AsByte(), q + 2) : sum;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Pair(Vector256<int> sum, Vector256<byte> words, int* q)
    {
        Vector256<byte> mask = Vector256.Create((byte)((1 << TWidth.Bits) - 1));
        Vector256<byte> upper = Vector256.ShiftRightLogical(words.AsUInt16(), TWidth.Bits).AsByte();
        return TProducts.Add(sum, words & mask, Vector256.Create(q[0]).AsSByte(), upper & mask, Vector256.Create(q[1]).AsSByte());
    }
}
