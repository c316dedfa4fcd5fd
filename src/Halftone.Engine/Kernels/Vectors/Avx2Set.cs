using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Halftone.Engine.Kernels.Vectors;

/// <summary>AVX2 without the saturating byte products: even bytes of the quads times their weights as 16-bit pairs, then the odd ones. Exact.</summary>
internal readonly unsafe struct Avx2Set : IInstructionSet<Sums256, Quads256, Vector256<byte>>
{
    public static int Steps => 2;

    public static int ActivationOffset => 0;

    public static bool IsSupported => Avx2.IsSupported && Fma.IsSupported;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Sums256 Sums(int* from) => new(Vector256.Load(from), Vector256.Load(from + 8));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Sums256 Sum(Sums256 left, Sums256 right) => new(left.Low + right.Low, left.High + right.High);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Quads256 Weights(sbyte* from) => new(Vector256.Load((byte*)from), Vector256.Load((byte*)from + 32));

    /// <remarks>A pair has the weights of an even byte in its two lowest quarters, of the odd one in the two others.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Quads256 Nibbles(sbyte* from, int step)
    {
        Vector256<short> packed = Vector256.Load(from).AsInt16();
        return step == 0
            ? new(((packed << 12) >> 12).AsByte(), ((packed << 8) >> 12).AsByte())
            : new(((packed << 4) >> 12).AsByte(), (packed >> 12).AsByte());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Quad(byte* from, int step) => Step(Vector256.Create(Unsafe.ReadUnaligned<int>(from)).AsByte(), step);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Sums256 Add(Sums256 sums, Vector256<byte> quad, Quads256 weights) =>
        new(Add(sums.Low, quad, weights.Low), Add(sums.High, quad, weights.High));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Quads256 Interleave(byte* first, byte* second, byte* third, byte* fourth) => Quads256.Interleave(first, second, third, fourth);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Sums256 Add(Sums256 sums, Quads256 quads, sbyte* weights)
    {
        Quads256 even = Weights(weights), odd = Weights(weights + 64);
        return new(
            Add(Add(sums.Low, Step(quads.Low, 0), even.Low), Step(quads.Low, 1), odd.Low),
            Add(Add(sums.High, Step(quads.High, 0), even.High), Step(quads.High, 1), odd.High));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<byte> Step(Vector256<byte> quads, int step) =>
        step == 0 ? (quads.AsUInt16() & Vector256.Create((ushort)0xFF)).AsByte() : (quads.AsUInt16() >>> 8).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Add(Vector256<int> sums, Vector256<byte> pairs, Vector256<byte> weights) =>
        sums + Avx2.MultiplyAddAdjacent(pairs.AsInt16(), weights.AsInt16());
}
