using System.Collections.Immutable;
using Halftone.Engine.Kernels.Pointwise;

namespace Halftone.Engine.Compilation;

/// <summary>A batch of images of unsigned bytes, channels last, with a border around each.</summary>
internal sealed record ImageShape(int Batch, int Height, int Width, int Channels, Border Border)
{
    /// <summary>Bytes from a row to the next.</summary>
    public int RowPitch => (Width + Border.Left + Border.Right) * Channels;

    /// <summary>Bytes from an image to the next.</summary>
    public int ImagePitch => (Height + Border.Top + Border.Bottom) * RowPitch;

    /// <summary>Bytes from the beginning to the first pixel that is not border.</summary>
    public int Origin => (Border.Top * RowPitch) + (Border.Left * Channels);

    /// <summary>Bytes in all; pitches are right where these are no more than <see cref="Dense.Lengths.MostBytes"/>.</summary>
    public long Bytes => (long)Int128.Min((Int128)Batch * Channels * ((long)Height + Border.Top + Border.Bottom) * ((long)Width + Border.Left + Border.Right), long.MaxValue);

    /// <summary>Whether the pixels follow each other without a gap.</summary>
    public bool IsDense => Border == default;

    /// <summary>Whether the bytes are those of the row-major value [N, C, H, W].</summary>
    public bool IsRowMajor => IsDense && (Channels == 1 || Height * Width == 1);

    /// <summary>One image of it.</summary>
    public ImageLayout Layout => new(Height, Width, Channels, RowPitch);

    /// <summary>Row-major codes as one image: its channels the last axis, its rows all others.</summary>
    public static ImageShape Rows(ImmutableArray<int> dims) => new(1, dims.Length < 2 ? 1 : dims[..^1].Aggregate(1, (a, b) => a * b), 1, dims.IsEmpty ? 1 : dims[^1], default);

    /// <summary>The images that a value [N, C], [N, C, W] or [N, C, H, W] makes.</summary>
    /// <exception cref="ArgumentException">It has another rank.</exception>
    public static ImageShape Of(ImmutableArray<int> dims, Border border) => dims.Length switch
    {
        2 => new(dims[0], 1, 1, dims[1], border),
        3 => new(dims[0], 1, dims[2], dims[1], border),
        4 => new(dims[0], dims[2], dims[3], dims[1], border),
        _ => throw new ArgumentException($"A value of {dims.Length} axes is no image."),
    };
}
