namespace Halftone.Engine.Kernels.Pointwise;

/// <summary>Resize with nearest neighbours, by tables of pixels: those of <see cref="ResizeAxis.Nearest"/>, for whole factors as for others.</summary>
internal static unsafe class ResizeNearest
{
    /// <summary>Computes rows of the output. Reads the real pixels that the tables name, writes real pixels only; images must not overlap.</summary>
    /// <param name="rows">Row of the input for each row of the output.</param>
    /// <param name="columns">Column of the input for each column of the output.</param>
    /// <param name="x">The input.</param>
    /// <param name="xLayout">Its layout.</param>
    /// <param name="y">The output.</param>
    /// <param name="yLayout">Its layout.</param>
    /// <param name="firstRow">The first row of the output.</param>
    /// <param name="lastRow">The row after the last.</param>
    public static void Run(
        ReadOnlySpan<int> rows, ReadOnlySpan<int> columns, byte* x, ImageLayout xLayout, byte* y, ImageLayout yLayout, int firstRow, int lastRow)
    {
        if ((xLayout.Height, xLayout.Width) == (yLayout.Height, yLayout.Width))
        {
            LayoutChange.CopyImage(x, xLayout, y, yLayout, firstRow, lastRow); // as ONNX Runtime does, whatever the scales say
            return;
        }

        for (int row = firstRow; row < lastRow; row++)
        {
            byte* to = y + ((long)row * yLayout.RowPitch);
            if (row > firstRow && rows[row] == rows[row - 1])
            {
                LayoutChange.CopyRows(to - yLayout.RowPitch, 0, to, 0, yLayout.RowBytes, rows: 1); // the row above is the same
                continue;
            }

            byte* from = x + ((long)rows[row] * xLayout.RowPitch);
            for (int column = 0; column < yLayout.Width; column++, to += yLayout.Channels)
            {
                ByteLoop.Run(new CopyStep(from + ((long)columns[column] * xLayout.Channels), to), yLayout.Channels);
            }
        }
    }
}
