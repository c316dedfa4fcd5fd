using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Halftone.Engine.Kernels.Vectors;

/// <summary>16 sums in two registers.</summary>
internal readonly struct Sums256(Vector256<int> low, Vector256<int> high)
{
    public readonly Vector256<int> Low = low;
    public readonly Vector256<int> High = high;
}

/// <summary>16 quads of bytes in two registers.</summary>
internal readonly struct Quads256(Vector256<byte> low, Vector256<byte> high)
{
    public readonly Vector256<byte> Low = low;
    public readonly Vector256<byte> High = high;

    /// <summary>The quads of four rows of 16 bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe Quads256 Interleave(byte* first, byte* second, byte* third, byte* fourth)
    {
        Vector128<byte> a = Vector128.Load(first), b = Vector128.Load(second), c = Vector128.Load(third), d = Vector128.Load(fourth);
        Vector128<short> abLow = Sse2.UnpackLow(a, b).AsInt16(), abHigh = Sse2.UnpackHigh(a, b).AsInt16();
        Vector128<short> cdLow = Sse2.UnpackLow(c, d).AsInt16(), cdHigh = Sse2.UnpackHigh(c, d).AsInt16();
        return new(
            Vector256.Create(Sse2.UnpackLow(abLow, cdLow), Sse2.UnpackHigh(abLow, cdLow)).AsByte(),
            Vector256.Create(Sse2.UnpackLow(abHigh, cdHigh), Sse2.UnpackHigh(abHigh, cdHigh)).AsByte());
    }
}

/// <summary>AVX2 without the saturating byte products: even bytes of the quads times their weights as 16-bit pairs, then the odd ones. Exact.</summary>
internal readonly unsafe struct Avx2Set : IInstructionSet<Sums256, Quads256, Vector256<byte>>
{
    /// <inheritdoc cref="IInstructionSet{TSums, TQuads, TQuad}.Steps"/>
    public static int Steps => 2;

    public static int ActivationOffset => 0;

    public static bool IsSupported => Avx2.IsSupported && Fma.IsSupported;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Sums256 Sums(int* from) => new(Vector256.Load(from), Vector256.Load(from + 8));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Sums256 Sum(Sums256 left, Sums256 right) => new(left.Low + right.Low, left.High + right.High);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Quads256 Weights(sbyte* from) => new(Vector256.Load((byte*)from), Vector256.Load((byte*)from + 32));

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

/// <summary>AVX-VNNI: a dot product of quads is one instruction.</summary>
internal readonly unsafe struct AvxVnniSet : IInstructionSet<Sums256, Quads256, Vector256<byte>>
{
    public static int Steps => 1;

    public static int ActivationOffset => 0;

    public static bool IsSupported => AvxVnni.IsSupported && Avx2Set.IsSupported;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Sums256 Sums(int* from) => Avx2Set.Sums(from);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Sums256 Sum(Sums256 left, Sums256 right) => Avx2Set.Sum(left, right);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Quads256 Weights(sbyte* from) => Avx2Set.Weights(from);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Quad(byte* from, int step) => Vector256.Create(Unsafe.ReadUnaligned<int>(from)).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Sums256 Add(Sums256 sums, Vector256<byte> quad, Quads256 weights) =>
        new(AvxVnni.MultiplyWideningAndAdd(sums.Low, quad, weights.Low.AsSByte()), AvxVnni.MultiplyWideningAndAdd(sums.High, quad, weights.High.AsSByte()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Quads256 Interleave(byte* first, byte* second, byte* third, byte* fourth) => Quads256.Interleave(first, second, third, fourth);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Sums256 Add(Sums256 sums, Quads256 quads, sbyte* weights)
    {
        Quads256 w = Weights(weights);
        return new(AvxVnni.MultiplyWideningAndAdd(sums.Low, quads.Low, w.Low.AsSByte()), AvxVnni.MultiplyWideningAndAdd(sums.High, quads.High, w.High.AsSByte()));
    }
}
