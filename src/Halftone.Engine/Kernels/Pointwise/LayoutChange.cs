using System.Runtime.CompilerServices;

namespace Halftone.Engine.Kernels.Pointwise;

/// <summary>Copies bytes.</summary>
internal readonly unsafe struct CopyStep(byte* x, byte* y) : IByteStep
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Run<TLanes>(int at)
        where TLanes : struct, IByteLanes<TLanes> => TLanes.Store(y + at, TLanes.Load(x + at));
}

/// <summary>Flips bits of bytes.</summary>
internal readonly unsafe struct FlipStep(byte* x, byte* y, byte mask) : IByteStep
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Run<TLanes>(int at)
        where TLanes : struct, IByteLanes<TLanes> => TLanes.Store(y + at, TLanes.Flip(TLanes.Load(x + at), mask));
}

/// <summary>Moves bytes: between NCHW and NHWC, between pitches, into borders. Reads and writes nothing but what it moves; source and target must not overlap.</summary>
internal static unsafe class LayoutChange
{
    private const int LongRow = 512; // bytes from which the runtime's copy pays

    /// <summary>Rows of packed planes [C, H, W] into an image.</summary>
    public static void NchwToNhwc(byte* x, byte* y, ImageLayout layout, int firstRow, int lastRow)
    {
        long plane = (long)layout.Height * layout.Width;
        foreach ((int row, int pixels) in new RowRuns(layout, firstRow, lastRow))
        {
            ByteTranspose.Run(x + ((long)row * layout.Width), plane, layout.Channels, pixels, y + ((long)row * layout.RowPitch), layout.Channels);
        }
    }

    /// <summary>Rows of an image into packed planes [C, H, W].</summary>
    public static void NhwcToNchw(byte* x, ImageLayout layout, byte* y, int firstRow, int lastRow)
    {
        long plane = (long)layout.Height * layout.Width;
        foreach ((int row, int pixels) in new RowRuns(layout, firstRow, lastRow))
        {
            ByteTranspose.Run(x + ((long)row * layout.RowPitch), layout.Channels, pixels, layout.Channels, y + ((long)row * layout.Width), plane);
        }
    }

    /// <summary>Copies rows from one pitch to another; a "row" may be the channels of a pixel, for Concat, Split and Slice along channels.</summary>
    /// <param name="x">The first row.</param>
    /// <param name="xPitch">Bytes from a row to the next.</param>
    /// <param name="y">The first row of the copy.</param>
    /// <param name="yPitch">Bytes from a row of the copy to the next.</param>
    /// <param name="bytes">Bytes of a row.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="table">256 codes that take the bytes' places, or null.</param>
    public static void CopyRows(byte* x, long xPitch, byte* y, long yPitch, int bytes, int rows, byte* table = null)
    {
        for (int row = 0; row < rows; row++, x += xPitch, y += yPitch)
        {
            if (table is not null)
            {
                LookupTable.Row(table, x, y, bytes);
            }
            else if (bytes >= LongRow)
            {
                Buffer.MemoryCopy(x, y, bytes, bytes);
            }
            else
            {
                ByteLoop.Run(new CopyStep(x, y), bytes);
            }
        }
    }

    /// <summary>Copies rows of an image into one of another pitch.</summary>
    public static void CopyImage(byte* x, ImageLayout xLayout, byte* y, ImageLayout yLayout, int firstRow, int lastRow) =>
        CopyRows(x + ((long)firstRow * xLayout.RowPitch), xLayout.RowPitch, y + ((long)firstRow * yLayout.RowPitch), yLayout.RowPitch, yLayout.RowBytes, lastRow - firstRow);

    /// <summary>Fills the frame around an image's real pixels: that many rows above and below, that many pixels left and right of each row, corners too. The memory must be there.</summary>
    public static void FillBorder(byte* origin, ImageLayout layout, int top, int left, int bottom, int right, byte value)
    {
        int width = (left + layout.Width + right) * layout.Channels;
        byte* corner = origin - (left * layout.Channels);
        for (int row = -top; row < layout.Height + bottom; row++)
        {
            byte* line = corner + ((long)row * layout.RowPitch);
            if (row < 0 || row >= layout.Height)
            {
                new Span<byte>(line, width).Fill(value);
            }
            else
            {
                new Span<byte>(line, left * layout.Channels).Fill(value);
                new Span<byte>(line + width - (right * layout.Channels), right * layout.Channels).Fill(value);
            }
        }
    }

    /// <summary>y = x ^ mask; with mask 0x80, signed codes to unsigned ones and back. The result may lie on the input.</summary>
    public static void XorBytes(byte* x, byte* y, int count, byte mask) => ByteLoop.Run(new FlipStep(x, y, mask), count);
}
