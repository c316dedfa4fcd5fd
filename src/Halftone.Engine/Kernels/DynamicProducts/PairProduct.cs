using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Halftone.Engine.Kernels.DynamicProducts;

/// <summary>Products by pairs of 16-bit differences: tiles of four rows and a panel of columns, whose sums stay in registers.</summary>
/// <remarks>Packed: [panel][pair of depths][column of the panel], a pair in 32 bits; columns and depths that are not there are zeros.</remarks>
internal sealed unsafe class PairProduct<TSet, TSums>(int depth, int columns, Epilogue epilogue) : DynamicProduct
    where TSet : struct, IPairSet<TSums>
    where TSums : unmanaged
{
    private const int TileRows = 4;
    private const int MostWidth = 64;

    private readonly int _pairs = (depth + 1) / 2;

    /// <inheritdoc/>
    public override long PackedBytes => (long)Panels * _pairs * TSet.Width * sizeof(int);

    /// <inheritdoc/>
    public override long ScratchBytes => (long)TileRows * _pairs * sizeof(int);

    private int Panels => (columns + TSet.Width - 1) / TSet.Width;

    /// <inheritdoc/>
    public override void Pack(byte* b, int zero, int* packed)
    {
        byte* narrow = stackalloc byte[2 * MostWidth];
        for (int panel = 0; panel < Panels; panel++)
        {
            int first = panel * TSet.Width;
            int width = Math.Min(TSet.Width, columns - first);
            for (int pair = 0; pair < _pairs; pair++, packed += TSet.Width)
            {
                byte* even = b + ((long)pair * 2 * columns) + first;
                byte* odd = even + columns;
                bool last = (2 * pair) + 1 == depth;
                if (width < TSet.Width)
                {
                    new Span<byte>(narrow, 2 * MostWidth).Fill((byte)zero);
                    Unsafe.CopyBlockUnaligned(narrow, even, (uint)width);
                    if (!last)
                    {
                        Unsafe.CopyBlockUnaligned(narrow + MostWidth, odd, (uint)width);
                    }

                    even = narrow;
                    odd = narrow + MostWidth;
                }

                TSet.Store(packed, TSet.Pair(TSet.Differences(even, zero), last ? default : TSet.Differences(odd, zero)));
            }
        }
    }

    /// <inheritdoc/>
    public override void Run(byte* a, int zero, int* packed, byte* y, int rows, byte* scratch)
    {
        int* tile = stackalloc int[TileRows * MostWidth];
        int* pairs = (int*)scratch;
        for (int row = 0; row < rows; row += TileRows)
        {
            int count = Math.Min(TileRows, rows - row);
            for (int i = 0; i < count; i++)
            {
                Differences(a + ((long)(row + i) * depth), zero, (short*)(pairs + ((long)i * _pairs)));
            }

            for (int panel = 0; panel < Panels; panel++)
            {
                Tile(pairs, count - 1, packed + ((long)panel * _pairs * TSet.Width), tile);
                int first = panel * TSet.Width;
                for (int i = 0; i < count; i++)
                {
                    byte* to = y + ((((long)(row + i) * columns) + first) * epilogue.ElementBytes);
                    UniformEpilogue.Row(epilogue, tile + (i * TSet.Width), to, Math.Min(TSet.Width, columns - first));
                }
            }
        }
    }

    private void Differences(byte* codes, int zero, short* to)
    {
        int at = 0;
        Vector128<short> zeros = Vector128.Create((short)zero);
        for (; at <= depth - 16; at += 16)
        {
            Vector128<byte> bytes = Vector128.Load(codes + at);
            (Vector128.WidenLower(bytes).AsInt16() - zeros).Store(to + at);
            (Vector128.WidenUpper(bytes).AsInt16() - zeros).Store(to + at + 8);
        }

        for (; at < depth; at++)
        {
            to[at] = (short)(codes[at] - zero);
        }

        if ((depth & 1) == 1)
        {
            to[depth] = 0;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Tile(int* a, int last, int* packed, int* sums)
    {
        // rows that are not there repeat the last
        int* a0 = a, a1 = a + (Math.Min(1, last) * (nint)_pairs), a2 = a + (Math.Min(2, last) * (nint)_pairs), a3 = a + (Math.Min(3, last) * (nint)_pairs);
        TSums s0 = default, s1 = default, s2 = default, s3 = default;
        for (nint pair = 0; pair < _pairs; pair++, packed += TSet.Width)
        {
            TSums pairs = TSet.Load(packed);
            s0 = TSet.Add(s0, a0 + pair, pairs);
            s1 = TSet.Add(s1, a1 + pair, pairs);
            s2 = TSet.Add(s2, a2 + pair, pairs);
            s3 = TSet.Add(s3, a3 + pair, pairs);
        }

        TSet.Store(sums, s0);
        TSet.Store(sums + TSet.Width, s1);
        TSet.Store(sums + (2 * TSet.Width), s2);
        TSet.Store(sums + (3 * TSet.Width), s3);
    }
}
