using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Halftone.Engine.Kernels.Vectors;

/// <summary><see cref="StoreSums"/> with 256-bit vectors.</summary>
internal readonly unsafe struct StoreSums256 : IVectorEpilogue<Sums256>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Sums256 sums, int* columns, in CodeRange range, byte* y)
    {
        sums.Low.Store((int*)y);
        sums.High.Store((int*)y + 8);
    }
}

/// <summary><see cref="ToFloat"/> with 256-bit vectors.</summary>
internal readonly unsafe struct ToFloat256 : IVectorEpilogue<Sums256>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Sums256 sums, int* columns, in CodeRange range, byte* y)
    {
        float* scale = (float*)columns, offset = scale + 16;
        Fma.MultiplyAdd(Avx.ConvertToVector256Single(sums.Low), Vector256.Load(scale), Vector256.Load(offset)).Store((float*)y);
        Fma.MultiplyAdd(Avx.ConvertToVector256Single(sums.High), Vector256.Load(scale + 8), Vector256.Load(offset + 8)).Store((float*)y + 8);
    }
}

/// <summary><see cref="FloatRequantize"/> with 256-bit vectors.</summary>
internal readonly unsafe struct FloatRequantize256 : IVectorEpilogue<Sums256>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Sums256 sums, int* columns, in CodeRange range, byte* y) =>
        Codes256.Store(Round(sums.Low, (float*)columns, range), Round(sums.High, (float*)columns + 8, range), range, y);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Round(Vector256<int> sums, float* scale, in CodeRange range)
    {
        // clamped first, since a conversion beyond 32 bits would give the least integer; the machine's maximum gives its second operand where the first is not a number
        Vector256<float> product = Avx.Max(Avx.ConvertToVector256Single(sums) * Vector256.Load(scale), Vector256.Create(range.LowSingle));
        return Avx.ConvertToVector256Int32(Avx.Min(product, Vector256.Create(range.HighSingle)));
    }
}

/// <summary><see cref="FixedPointForm.DoubleRounding"/> and <see cref="FixedPointForm.Q31"/> with 256-bit vectors; they differ in their multipliers only.</summary>
internal readonly unsafe struct DoubleRounding256 : IVectorEpilogue<Sums256>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Sums256 sums, int* columns, in CodeRange range, byte* y) =>
        Codes256.Store(Multiply(sums.Low, columns, range), Multiply(sums.High, columns + 8, range), range, y);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Multiply(Vector256<int> sums, int* columns, in CodeRange range)
    {
        Vector256<int> multiplier = Vector256.Load(columns);
        Vector256<int> shifted = Avx2.ShiftLeftLogicalVariable(sums, Vector256.Load(columns + 16).AsUInt32());
        Vector256<long> half = Vector256.Create(1L << 30);
        Vector256<long> even = (Avx2.Multiply(shifted, multiplier) + half) >>> 31;
        Vector256<long> odd = (Avx2.Multiply(Codes256.Odd(shifted), Codes256.Odd(multiplier)) + half) << 1;
        Vector256<int> high = Codes256.Merge(even, odd);

        Vector256<uint> shift = Vector256.Load(columns + 32).AsUInt32();
        Vector256<int> mask = Avx2.ShiftLeftLogicalVariable(Vector256<int>.One, shift) - Vector256<int>.One;
        // a comparison that holds is -1
        Vector256<int> threshold = (mask >>> 1) - Vector256.LessThan(high, Vector256<int>.Zero);
        Vector256<int> rounded = Avx2.ShiftRightArithmeticVariable(high, shift) - Vector256.GreaterThan(high & mask, threshold);
        return Vector256.Min(Vector256.Max(rounded, Vector256.Create(range.Low)), Vector256.Create(range.High));
    }
}

/// <summary><see cref="FixedPointForm.SingleRounding"/> with 256-bit vectors.</summary>
internal readonly unsafe struct SingleRounding256 : IVectorEpilogue<Sums256>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Sums256 sums, int* columns, in CodeRange range, byte* y) =>
        Codes256.Store(Multiply(sums.Low, columns, range), Multiply(sums.High, columns + 8, range), range, y);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Multiply(Vector256<int> sums, int* columns, in CodeRange range)
    {
        Vector256<int> multiplier = Vector256.Load(columns), shift = Vector256.Load(columns + 16);
        Vector256<long> even = Shift(Avx2.Multiply(sums, multiplier), shift.AsInt64() & Vector256.Create(0xFFFFFFFFL), range);
        Vector256<long> odd = Shift(Avx2.Multiply(Codes256.Odd(sums), Codes256.Odd(multiplier)), shift.AsInt64() >>> 32, range);
        return Codes256.Merge(even, odd << 32);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<long> Shift(Vector256<long> products, Vector256<long> shift, in CodeRange range)
    {
        Vector256<long> half = Avx2.ShiftLeftLogicalVariable(Vector256<long>.One, (shift - Vector256<long>.One).AsUInt64());
        // AVX2 shifts 64 bits without their sign only: 2^63 makes them unsigned, and goes off again shifted
        Vector256<long> sign = Vector256.Create(long.MinValue);
        Vector256<long> shifted = Avx2.ShiftRightLogicalVariable((products + half) ^ sign, shift.AsUInt64())
            - Avx2.ShiftRightLogicalVariable(sign, shift.AsUInt64());
        Vector256<long> low = Vector256.Create((long)range.Low), high = Vector256.Create((long)range.High);
        shifted = Vector256.ConditionalSelect(Vector256.GreaterThan(low, shifted), low, shifted);
        return Vector256.ConditionalSelect(Vector256.GreaterThan(shifted, high), high, shifted);
    }
}

/// <summary>What the requantizing epilogues share.</summary>
internal static unsafe class Codes256
{
    /// <summary>Adds the zero point to 16 codes that lie in the range, and stores them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector256<int> low, Vector256<int> high, in CodeRange range, byte* y)
    {
        Vector256<short> pairs = Avx2.Permute4x64(Avx2.PackSignedSaturate(low, high).AsInt64(), 0b11_01_10_00).AsInt16();
        pairs += Vector256.Create((short)range.ZeroPoint);
        Sse2.PackUnsignedSaturate(pairs.GetLower(), pairs.GetUpper()).Store(y);
    }

    /// <summary>The odd elements where the even ones were.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Odd(Vector256<int> v) => (v.AsInt64() >>> 32).AsInt32();

    /// <summary>The low halves of even elements, the high halves of odd ones.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Merge(Vector256<long> even, Vector256<long> odd) => Avx2.Blend(even.AsInt32(), odd.AsInt32(), 0b10101010);
}
