using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Halftone.Engine.Kernels.Pointwise;

/// <summary>y = table[x], for any function of one byte.</summary>
/// <remarks>The result may lie on the input. Nothing but the bytes given and the table's 256 is read, nothing but the bytes given is written.</remarks>
internal static unsafe class LookupTable
{
    /// <summary>Looks up rows of an image.</summary>
    public static void Image(byte* table, byte* x, ImageLayout xLayout, byte* y, ImageLayout yLayout, int firstRow, int lastRow)
    {
        for (int row = firstRow; row < lastRow; row++)
        {
            Row(table, x + ((long)row * xLayout.RowPitch), y + ((long)row * yLayout.RowPitch), yLayout.RowBytes);
        }
    }

    /// <summary>Looks up neighbouring bytes.</summary>
    public static void Row(byte* table, byte* x, byte* y, int count)
    {
        int at = 0;
        if (Avx512Vbmi.IsSupported)
        {
            at = Permuted(table, x, y, count);
        }
        else if (Avx2.IsSupported)
        {
            at = Shuffled(table, x, y, count);
        }

        Plain(table, x + at, y + at, count - at);
    }

    /// <summary>The same, byte by byte.</summary>
    public static void Plain(byte* table, byte* x, byte* y, int count)
    {
        for (int i = 0; i < count; i++)
        {
            y[i] = table[x[i]];
        }
    }

    /// <summary>64 bytes at a time: the table lies in four registers.</summary>
    /// <returns>How many are done.</returns>
    public static int Permuted(byte* table, byte* x, byte* y, int count)
    {
        Vector512<byte> first = Vector512.Load(table), second = Vector512.Load(table + 64), third = Vector512.Load(table + 128), fourth = Vector512.Load(table + 192);
        int at = 0;
        for (; at <= count - 64; at += 64)
        {
            Vector512<byte> codes = Vector512.Load(x + at);
            Vector512<byte> low = Avx512Vbmi.PermuteVar64x8x2(first, codes, second);
            Vector512<byte> high = Avx512Vbmi.PermuteVar64x8x2(third, codes, fourth);
            Vector512.ConditionalSelect(Vector512.LessThan(codes.AsSByte(), Vector512<sbyte>.Zero).AsByte(), high, low).Store(y + at);
        }

        return at;
    }

    /// <summary>32 bytes at a time: each sixteenth of the table answers for its codes and leaves the others 0.</summary>
    /// <returns>How many are done.</returns>
    public static int Shuffled(byte* table, byte* x, byte* y, int count)
    {
        int at = 0;
        for (; at <= count - 32; at += 32)
        {
            Vector256<byte> codes = Vector256.Load(x + at), found = Vector256<byte>.Zero;
            for (int part = 0; part < 16; part++)
            {
                // a shuffle gives 0 where its index has the highest bit: so have, after the addition, all indices above 15
                Vector256<byte> index = Avx2.AddSaturate(codes ^ Vector256.Create((byte)(part * 16)), Vector256.Create((byte)0x70));
                found |= Avx2.Shuffle(Avx2.BroadcastVector128ToVector256(table + (part * 16)), index);
            }

            found.Store(y + at);
        }

        return at;
    }
}
