using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Halftone.Engine.Kernels.Pointwise;

/// <summary>Transposes a matrix of bytes in blocks of 16 x 16, or a matrix of three rows by shuffles. Source and target must not overlap.</summary>
internal static unsafe class ByteTranspose
{
    private const int Block = 16;

    /// <summary>to[column * toPitch + row] = from[row * fromPitch + column]. Nothing else is read or written.</summary>
    public static void Run(byte* from, long fromPitch, int rows, int columns, byte* to, long toPitch)
    {
        if (rows == 3 && toPitch == 3 && Vector128.IsHardwareAccelerated)
        {
            InterleaveThree(from, from + fromPitch, from + (2 * fromPitch), columns, to);
            return;
        }

        for (int column = 0; column < columns; column += Block)
        {
            int width = Math.Min(Block, columns - column);
            for (int row = 0; row < rows; row += Block)
            {
                int height = Math.Min(Block, rows - row);
                byte* source = from + (row * fromPitch) + column;
                byte* target = to + (column * toPitch) + row;
                if (Avx512Vbmi.IsSupported && height == Block && width == Block)
                {
                    WholeTile(source, fromPitch, target, toPitch);
                }
                else if (Vector128.IsHardwareAccelerated && height + width > Block / 2)
                {
                    Tile(source, fromPitch, height, width, target, toPitch);
                }
                else
                {
                    Plain(source, fromPitch, height, width, target, toPitch);
                }
            }
        }
    }

    /// <summary>The same, byte by byte.</summary>
    public static void Plain(byte* from, long fromPitch, int rows, int columns, byte* to, long toPitch)
    {
        for (int column = 0; column < columns; column++)
        {
            for (int row = 0; row < rows; row++)
            {
                to[(column * toPitch) + row] = from[(row * fromPitch) + column];
            }
        }
    }

    // four registers hold the block, four rows each; byte j of output k is row j % 16 of column 4k + j / 16
    private static void WholeTile(byte* from, long fromPitch, byte* to, long toPitch)
    {
        Vector512<byte> first = FourRows(from, fromPitch), second = FourRows(from + (4 * fromPitch), fromPitch);
        Vector512<byte> third = FourRows(from + (8 * fromPitch), fromPitch), fourth = FourRows(from + (12 * fromPitch), fromPitch);
        Vector512<byte> place = Vector512<byte>.Indices;
        Vector512<byte> index = ((place & Vector512.Create((byte)7)) << 4) + (place >> 4);
        Vector512<byte> isLow = Vector512.LessThan(place & Vector512.Create((byte)15), Vector512.Create((byte)8));
        for (int column = 0; column < Block; column += 4, index += Vector512.Create((byte)4), to += 4 * toPitch)
        {
            Vector512<byte> low = Avx512Vbmi.PermuteVar64x8x2(first, index, second); // rows 0 to 7
            Vector512<byte> high = Avx512Vbmi.PermuteVar64x8x2(third, index, fourth);
            Vector512<byte> columns = Vector512.ConditionalSelect(isLow, low, high);
            columns.GetLower().GetLower().Store(to);
            columns.GetLower().GetUpper().Store(to + toPitch);
            columns.GetUpper().GetLower().Store(to + (2 * toPitch));
            columns.GetUpper().GetUpper().Store(to + (3 * toPitch));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<byte> FourRows(byte* from, long pitch) => Vector512.Create(
        Vector256.Create(Vector128.Load(from), Vector128.Load(from + pitch)),
        Vector256.Create(Vector128.Load(from + (2 * pitch)), Vector128.Load(from + (3 * pitch))));

    private static void Tile(byte* from, long fromPitch, int rows, int columns, byte* to, long toPitch)
    {
        Vector128<byte>* a = stackalloc Vector128<byte>[2 * Block];
        Vector128<byte>* b = a + Block;
        for (int row = 0; row < rows; row++)
        {
            byte* source = from + (row * fromPitch);
            if (columns == Block)
            {
                a[row] = Vector128.Load(source);
            }
            else
            {
                Copy(source, (byte*)(a + row), columns);
            }
        }

        // interleaving row i with row i + 8 is a perfect shuffle of the 256 bytes; four of them transpose
        Shuffle(a, b);
        Shuffle(b, a);
        Shuffle(a, b);
        Shuffle(b, a);
        for (int column = 0; column < columns; column++)
        {
            byte* target = to + (column * toPitch);
            if (rows == Block)
            {
                a[column].Store(target);
            }
            else
            {
                Copy((byte*)(a + column), target, rows);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Shuffle(Vector128<byte>* from, Vector128<byte>* to)
    {
        for (int i = 0; i < 8; i++)
        {
            (to[2 * i], to[(2 * i) + 1]) = Interleave(from[i], from[i + 8]);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector128<byte> Low, Vector128<byte> High) Interleave(Vector128<byte> a, Vector128<byte> b)
    {
        if (Sse2.IsSupported)
        {
            return (Sse2.UnpackLow(a, b), Sse2.UnpackHigh(a, b));
        }

        if (AdvSimd.Arm64.IsSupported)
        {
            return (AdvSimd.Arm64.ZipLow(a, b), AdvSimd.Arm64.ZipHigh(a, b));
        }

        return (
            (Vector128.WidenLower(a) | (Vector128.WidenLower(b) << 8)).AsByte(),
            (Vector128.WidenUpper(a) | (Vector128.WidenUpper(b) << 8)).AsByte());
    }

    // up to 15 bytes, in two pieces that may overlap
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Copy(byte* from, byte* to, int count)
    {
        if (count >= 8)
        {
            (ulong head, ulong tail) = (*(ulong*)from, *(ulong*)(from + count - 8));
            *(ulong*)to = head;
            *(ulong*)(to + count - 8) = tail;
        }
        else if (count >= 4)
        {
            (uint head, uint tail) = (*(uint*)from, *(uint*)(from + count - 4));
            *(uint*)to = head;
            *(uint*)(to + count - 4) = tail;
        }
        else
        {
            for (int i = 0; i < count; i++)
            {
                to[i] = from[i];
            }
        }
    }

    private static void InterleaveThree(byte* r, byte* g, byte* b, int count, byte* to)
    {
        int at = 0;
        for (; at <= count - Block; at += Block, to += 3 * Block)
        {
            (Vector128<byte> x, Vector128<byte> y, Vector128<byte> z) = (Vector128.Load(r + at), Vector128.Load(g + at), Vector128.Load(b + at));
            const byte N = 255; // leaves a place empty
            (Vector128.Shuffle(x, Vector128.Create(0, N, N, 1, N, N, 2, N, N, 3, N, N, 4, N, N, 5))
                | Vector128.Shuffle(y, Vector128.Create(N, 0, N, N, 1, N, N, 2, N, N, 3, N, N, 4, N, N))
                | Vector128.Shuffle(z, Vector128.Create(N, N, 0, N, N, 1, N, N, 2, N, N, 3, N, N, 4, N))).Store(to);
            (Vector128.Shuffle(x, Vector128.Create(N, N, 6, N, N, 7, N, N, 8, N, N, 9, N, N, 10, N))
                | Vector128.Shuffle(y, Vector128.Create(5, N, N, 6, N, N, 7, N, N, 8, N, N, 9, N, N, 10))
                | Vector128.Shuffle(z, Vector128.Create(N, 5, N, N, 6, N, N, 7, N, N, 8, N, N, 9, N, N))).Store(to + Block);
            (Vector128.Shuffle(x, Vector128.Create(N, 11, N, N, 12, N, N, 13, N, N, 14, N, N, 15, N, N))
                | Vector128.Shuffle(y, Vector128.Create(N, N, 11, N, N, 12, N, N, 13, N, N, 14, N, N, 15, N))
                | Vector128.Shuffle(z, Vector128.Create(10, N, N, 11, N, N, 12, N, N, 13, N, N, 14, N, N, 15))).Store(to + (2 * Block));
        }

        for (; at < count; at++, to += 3)
        {
            (to[0], to[1], to[2]) = (r[at], g[at], b[at]);
        }
    }
}
