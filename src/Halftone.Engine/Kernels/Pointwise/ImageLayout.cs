namespace Halftone.Engine.Kernels.Pointwise;

/// <summary>How an image of bytes lies in memory: NHWC, one image of a batch.</summary>
/// <remarks>
/// Pixel (y, x) of channel c lies at origin + y * RowPitch + x * Channels + c, where the origin points to the first real pixel. A border of other pixels may lie around it.
/// Kernels read and write nothing outside the real pixels they are given, unless they say so.
/// </remarks>
/// <param name="Height">Rows.</param>
/// <param name="Width">Pixels a row.</param>
/// <param name="Channels">Channels, bytes of a pixel.</param>
/// <param name="RowPitch">Bytes from a row to the next, Width * Channels or more.</param>
internal readonly record struct ImageLayout(int Height, int Width, int Channels, int RowPitch)
{
    /// <summary>An image without a border.</summary>
    public static ImageLayout Packed(int height, int width, int channels) => new(height, width, channels, width * channels);

    /// <summary>Bytes of a row's real pixels.</summary>
    public int RowBytes => Width * Channels;

    /// <summary>Whether row follows row without a gap, so that several may be taken as one.</summary>
    public bool IsPacked => RowPitch == RowBytes;
}
