using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Halftone.Engine.Kernels.Vectors;

/// <summary><see cref="StoreSums"/> with portable 128-bit vectors.</summary>
internal readonly unsafe struct StoreSums128 : IVectorEpilogue<Sums128>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Sums128 sums, int* columns, in CodeRange range, byte* y)
    {
        sums.First.Store((int*)y);
        sums.Second.Store((int*)y + 4);
        sums.Third.Store((int*)y + 8);
        sums.Fourth.Store((int*)y + 12);
    }
}

/// <summary><see cref="ToFloat"/> with portable 128-bit vectors.</summary>
internal readonly unsafe struct ToFloat128 : IVectorEpilogue<Sums128>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Sums128 sums, int* columns, in CodeRange range, byte* y)
    {
        float* scale = (float*)columns, to = (float*)y;
        Scaled(sums.First, scale).Store(to);
        Scaled(sums.Second, scale + 4).Store(to + 4);
        Scaled(sums.Third, scale + 8).Store(to + 8);
        Scaled(sums.Fourth, scale + 12).Store(to + 12);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Scaled(Vector128<int> sums, float* scale) =>
        Vector128.FusedMultiplyAdd(Vector128.ConvertToSingle(sums), Vector128.Load(scale), Vector128.Load(scale + ChannelBlocks.Width));
}

/// <summary><see cref="FloatRequantize"/> with portable 128-bit vectors.</summary>
internal readonly unsafe struct FloatRequantize128 : IVectorEpilogue<Sums128>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Sums128 sums, int* columns, in CodeRange range, byte* y)
    {
        float* scale = (float*)columns;
        Vector128<short> lower = Vector128.Narrow(Round(sums.First, scale, range), Round(sums.Second, scale + 4, range));
        Vector128<short> upper = Vector128.Narrow(Round(sums.Third, scale + 8, range), Round(sums.Fourth, scale + 12, range));
        Vector128<short> zero = Vector128.Create((short)range.ZeroPoint);
        Vector128.Narrow((lower + zero).AsUInt16(), (upper + zero).AsUInt16()).Store(y);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> Round(Vector128<int> sums, float* scale, in CodeRange range)
    {
        Vector128<float> product = Vector128.ConvertToSingle(sums) * Vector128.Load(scale);
        Vector128<float> low = Vector128.Create(range.LowSingle), high = Vector128.Create(range.HighSingle);
        // what is not a number is not greater either
        product = Vector128.ConditionalSelect(Vector128.GreaterThan(product, low), product, low);
        product = Vector128.ConditionalSelect(Vector128.LessThan(product, high), product, high);
        // without a mode it rounds ties to even, and is one instruction
        return Vector128.ConvertToInt32(Vector128.Round(product));
    }
}

/// <summary><see cref="FixedPointForm.DoubleRounding"/> and <see cref="FixedPointForm.Q31"/>, one sum at a time.</summary>
internal readonly unsafe struct DoubleRounding128 : IVectorEpilogue<Sums128>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Sums128 sums, int* columns, in CodeRange range, byte* y)
    {
        int* shiftLeft = columns + ChannelBlocks.Width, shiftRight = shiftLeft + ChannelBlocks.Width;
        int* values = (int*)&sums;
        for (int c = 0; c < ChannelBlocks.Width; c++)
        {
            int rounded = FixedPoint.DoubleRounding(values[c], columns[c], shiftLeft[c] - shiftRight[c]);
            y[c] = (byte)(Math.Clamp(rounded, range.Low, range.High) + range.ZeroPoint);
        }
    }
}

/// <summary><see cref="FixedPointForm.SingleRounding"/>, one sum at a time.</summary>
internal readonly unsafe struct SingleRounding128 : IVectorEpilogue<Sums128>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Sums128 sums, int* columns, in CodeRange range, byte* y)
    {
        int* shift = columns + ChannelBlocks.Width;
        int* values = (int*)&sums;
        for (int c = 0; c < ChannelBlocks.Width; c++)
        {
            long rounded = FixedPoint.SingleRounding(values[c], columns[c], FixedPoint.MostExponent + 1 - shift[c]);
            y[c] = (byte)(Math.Clamp(rounded, range.Low, range.High) + range.ZeroPoint);
        }
    }
}
