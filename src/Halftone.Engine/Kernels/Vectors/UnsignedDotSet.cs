using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Halftone.Engine.Kernels.Vectors;

/// <summary>The instruction that AVX2 lacks.</summary>
internal interface IUnsignedDot
{
    /// <summary>Adds the dot products of eight quads of unsigned and signed bytes.</summary>
    static abstract Vector256<int> Dot(Vector256<int> sums, Vector256<byte> activations, Vector256<sbyte> weights);
}

/// <summary>The dot products of AVX-VNNI.</summary>
internal readonly struct AvxVnniDot : IUnsignedDot
{
    public static bool IsSupported => AvxVnni.IsSupported && Avx2Set.IsSupported;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Dot(Vector256<int> sums, Vector256<byte> activations, Vector256<sbyte> weights) =>
        AvxVnni.MultiplyWideningAndAdd(sums, activations, weights);
}

/// <summary>AVX2 and dot products of unsigned and signed bytes.</summary>
internal readonly unsafe struct UnsignedDotSet<TDot> : IInstructionSet<Sums256, Quads256, Vector256<byte>>
    where TDot : struct, IUnsignedDot
{
    public static int Steps => 1;

    public static int ActivationOffset => 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Sums256 Sums(int* from) => Avx2Set.Sums(from);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Sums256 Sum(Sums256 left, Sums256 right) => Avx2Set.Sum(left, right);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Quads256 Weights(sbyte* from) => Avx2Set.Weights(from);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Quads256 Nibbles(sbyte* from, int step)
    {
        Vector256<byte> packed = Vector256.Load((byte*)from), mask = Vector256.Create((byte)0xF);
        Vector256<byte> values = Vector256.Create(Vector128.Create(0, 1, 2, 3, 4, 5, 6, 7, -8, -7, -6, -5, -4, -3, -2, -1)).AsByte();
        return new(Avx2.Shuffle(values, packed & mask), Avx2.Shuffle(values, (packed.AsUInt16() >>> 4).AsByte() & mask));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Quad(byte* from, int step) => Vector256.Create(Unsafe.ReadUnaligned<int>(from)).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Sums256 Add(Sums256 sums, Vector256<byte> quad, Quads256 weights) =>
        new(TDot.Dot(sums.Low, quad, weights.Low.AsSByte()), TDot.Dot(sums.High, quad, weights.High.AsSByte()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Quads256 Interleave(byte* first, byte* second, byte* third, byte* fourth) => Quads256.Interleave(first, second, third, fourth);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Sums256 Add(Sums256 sums, Quads256 quads, sbyte* weights)
    {
        Quads256 w = Weights(weights);
        return new(TDot.Dot(sums.Low, quads.Low, w.Low.AsSByte()), TDot.Dot(sums.High, quads.High, w.High.AsSByte()));
    }
}
