using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;

namespace Halftone.Engine.Kernels.Vectors;

/// <summary>16 sums in four registers.</summary>
internal readonly struct Sums128(Vector128<int> first, Vector128<int> second, Vector128<int> third, Vector128<int> fourth)
{
    public readonly Vector128<int> First = first;
    public readonly Vector128<int> Second = second;
    public readonly Vector128<int> Third = third;
    public readonly Vector128<int> Fourth = fourth;
}

/// <summary>16 quads of signed bytes in four registers.</summary>
internal readonly struct Quads128(Vector128<sbyte> first, Vector128<sbyte> second, Vector128<sbyte> third, Vector128<sbyte> fourth)
{
    public readonly Vector128<sbyte> First = first;
    public readonly Vector128<sbyte> Second = second;
    public readonly Vector128<sbyte> Third = third;
    public readonly Vector128<sbyte> Fourth = fourth;
}

/// <summary>The two instructions of Arm's that no portable vector has, so that everything else of the set runs anywhere.</summary>
internal interface ISignedDot
{
    /// <summary>Adds the dot products of four quads of signed bytes.</summary>
    static abstract Vector128<int> Dot(Vector128<int> sums, Vector128<sbyte> left, Vector128<sbyte> right);

    /// <summary>left[0], right[0], left[1], right[1] and so on of the lower halves, then of the upper.</summary>
    static abstract (Vector128<T> Lower, Vector128<T> Upper) Zip<T>(Vector128<T> left, Vector128<T> right)
        where T : unmanaged;
}

/// <summary>The dot products of Armv8.2.</summary>
internal readonly unsafe struct AdvSimdDot : ISignedDot
{
    public static bool IsSupported => Dp.IsSupported && AdvSimd.Arm64.IsSupported;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> Dot(Vector128<int> sums, Vector128<sbyte> left, Vector128<sbyte> right) => Dp.DotProduct(sums, left, right);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector128<T> Lower, Vector128<T> Upper) Zip<T>(Vector128<T> left, Vector128<T> right)
        where T : unmanaged =>
        sizeof(T) == 1
            ? (AdvSimd.Arm64.ZipLow(left.AsByte(), right.AsByte()).As<byte, T>(), AdvSimd.Arm64.ZipHigh(left.AsByte(), right.AsByte()).As<byte, T>())
            : (AdvSimd.Arm64.ZipLow(left.AsInt16(), right.AsInt16()).As<short, T>(), AdvSimd.Arm64.ZipHigh(left.AsInt16(), right.AsInt16()).As<short, T>());
}

/// <summary>Signed dot products: activations lose 128, which flips their highest bit, and the biases gain 128 times the sum of the weights.</summary>
/// <remarks>sum (a - 128) w + 128 sum w = sum a w, in 32 bits that wrap as well.</remarks>
internal readonly unsafe struct SignedDotSet<TDot> : IInstructionSet<Sums128, Quads128, Vector128<sbyte>>
    where TDot : struct, ISignedDot
{
    public static int Steps => 1;

    public static int ActivationOffset => 128;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Sums128 Sums(int* from) => new(Vector128.Load(from), Vector128.Load(from + 4), Vector128.Load(from + 8), Vector128.Load(from + 12));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Sums128 Sum(Sums128 left, Sums128 right) =>
        new(left.First + right.First, left.Second + right.Second, left.Third + right.Third, left.Fourth + right.Fourth);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Quads128 Weights(sbyte* from) => new(Vector128.Load(from), Vector128.Load(from + 16), Vector128.Load(from + 32), Vector128.Load(from + 48));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Quads128 Nibbles(sbyte* from, int step)
    {
        Vector128<sbyte> left = Vector128.Load(from), right = Vector128.Load(from + 16);
        return new((left << 4) >> 4, (right << 4) >> 4, left >> 4, right >> 4);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<sbyte> Quad(byte* from, int step) => Signed(Vector128.Create(Unsafe.ReadUnaligned<int>(from)).AsByte());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Sums128 Add(Sums128 sums, Vector128<sbyte> quad, Quads128 weights) =>
        new(TDot.Dot(sums.First, quad, weights.First), TDot.Dot(sums.Second, quad, weights.Second), TDot.Dot(sums.Third, quad, weights.Third), TDot.Dot(sums.Fourth, quad, weights.Fourth));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Quads128 Interleave(byte* first, byte* second, byte* third, byte* fourth)
    {
        (Vector128<byte> abLower, Vector128<byte> abUpper) = TDot.Zip(Vector128.Load(first), Vector128.Load(second));
        (Vector128<byte> cdLower, Vector128<byte> cdUpper) = TDot.Zip(Vector128.Load(third), Vector128.Load(fourth));
        (Vector128<short> q0, Vector128<short> q1) = TDot.Zip(abLower.AsInt16(), cdLower.AsInt16());
        (Vector128<short> q2, Vector128<short> q3) = TDot.Zip(abUpper.AsInt16(), cdUpper.AsInt16());
        return new(Signed(q0.AsByte()), Signed(q1.AsByte()), Signed(q2.AsByte()), Signed(q3.AsByte()));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Sums128 Add(Sums128 sums, Quads128 quads, sbyte* weights)
    {
        Quads128 w = Weights(weights);
        return new(TDot.Dot(sums.First, quads.First, w.First), TDot.Dot(sums.Second, quads.Second, w.Second), TDot.Dot(sums.Third, quads.Third, w.Third), TDot.Dot(sums.Fourth, quads.Fourth, w.Fourth));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<sbyte> Signed(Vector128<byte> bytes) => (bytes ^ Vector128.Create((byte)128)).AsSByte();
}
