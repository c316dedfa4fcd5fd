namespace Halftone.Engine.Kernels.Pointwise;

/// <summary>Windows of a pooling operator along one axis.</summary>
/// <param name="Kernel">Taps.</param>
/// <param name="Stride">Pixels from a window to the next.</param>
/// <param name="Dilation">Pixels from a tap to the next.</param>
/// <param name="PadBefore">How far the first window begins before the first real pixel.</param>
internal readonly record struct PoolAxis(int Kernel, int Stride, int Dilation, int PadBefore)
{
    /// <summary>First real pixel that a window covers, and how many of its taps are on real pixels.</summary>
    public (int First, int Taps) Clip(int window, int length)
    {
        int start = (window * Stride) - PadBefore;
        int skipped = start < 0 ? (-start + Dilation - 1) / Dilation : 0;
        int first = start + (skipped * Dilation);
        int inside = first >= length ? 0 : ((length - 1 - first) / Dilation) + 1;
        return (first, Math.Clamp(Kernel - skipped, 0, inside));
    }
}

/// <summary>Windows of a pooling operator; they are clipped to the real pixels, so that a border's bytes never count.</summary>
internal readonly record struct PoolWindow(PoolAxis Vertical, PoolAxis Horizontal);

/// <summary>One clipped window over an image.</summary>
/// <param name="Start">Its first tap, first channel.</param>
/// <param name="Rows">Rows of taps.</param>
/// <param name="Columns">Taps a row.</param>
/// <param name="RowStep">Bytes from a row of taps to the next.</param>
/// <param name="ColumnStep">Bytes from a tap to the next.</param>
internal readonly unsafe record struct PoolTaps(nint Start, int Rows, int Columns, long RowStep, int ColumnStep)
{
    /// <summary>Clips the window of an output pixel.</summary>
    public static PoolTaps Of(PoolWindow window, byte* x, ImageLayout layout, int row, int column)
    {
        (int top, int rows) = window.Vertical.Clip(row, layout.Height);
        (int left, int columns) = window.Horizontal.Clip(column, layout.Width);
        byte* start = x + ((long)top * layout.RowPitch) + ((long)left * layout.Channels);
        return new PoolTaps((nint)start, rows, columns, (long)window.Vertical.Dilation * layout.RowPitch, window.Horizontal.Dilation * layout.Channels);
    }
}
