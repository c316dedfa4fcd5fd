using System.Collections.Immutable;

namespace Halftone.Engine.Kernels.Depthwise;

/// <summary>A depthwise convolution over NHWC: every channel has a filter of its own.</summary>
/// <remarks>
/// y[x, c] = epilogue(bias[c] + sum over kernel rows i and taps j of a[x * PixelStride + RowOffsets[i] + j * TapStride + c] * w[c, i, j]).
/// <see cref="DepthwiseLines"/> may have <see cref="Padding"/> take the place of what is beyond the edges of an image.
/// A kernel reads nothing past the last channel of a pixel where channels are a multiple of 16, else up to 64 bytes, and writes nothing but its pixels' channels.
/// </remarks>
internal sealed record DepthwiseProblem
{
    /// <summary>Most kernel rows of those that <see cref="TakesEdges"/>.</summary>
    public const int MostEdgeRows = 4;

    /// <summary>Taps of a row of those.</summary>
    public const int EdgeTaps = 3;

    /// <summary>Channels.</summary>
    public required int Channels { get; init; }

    /// <summary>Taps of a kernel row.</summary>
    public required int KernelWidth { get; init; }

    /// <summary>Where each kernel row begins, in bytes from the first tap.</summary>
    public required ImmutableArray<int> RowOffsets { get; init; }

    /// <summary>Bytes between the taps of a kernel row.</summary>
    public required int TapStride { get; init; }

    /// <summary>Bytes from what one output reads to what the next reads.</summary>
    public required int PixelStride { get; init; }

    /// <summary>Bytes from an output pixel to the next.</summary>
    public required int OutputStride { get; init; }

    /// <summary>The code beyond edges.</summary>
    public byte Padding { get; init; }

    /// <summary>[Channels, kernel rows, KernelWidth].</summary>
    public required sbyte[] Weights { get; init; }

    /// <summary>[Channels].</summary>
    public required int[] Bias { get; init; }

    /// <summary>What becomes of the sums.</summary>
    public required Epilogue Epilogue { get; init; }

    /// <summary>Whether kernels can do without what is beyond edges.</summary>
    public bool TakesEdges => RowOffsets.Length <= MostEdgeRows && KernelWidth == EdgeTaps && (PixelStride == TapStride || PixelStride == 2 * TapStride);
}

/// <summary>Lines of outputs that read alike.</summary>
/// <param name="first">The first tap of the first pixel in the first kernel row, first channel; where that is beyond an edge, where it would be.</param>
/// <param name="y">The first output pixel.</param>
/// <param name="pixels">Output pixels of a line.</param>
internal readonly unsafe struct DepthwiseLines(byte* first, byte* y, int pixels)
{
    /// <summary>Number of lines.</summary>
    public int Count { get; init; } = 1;

    /// <summary>Bytes from a line to the next.</summary>
    public nint Stride { get; init; }

    /// <summary>Bytes from a line of the output to the next.</summary>
    public nint OutputStride { get; init; }

    /// <summary>Taps beyond each line; only of problems that take edges.</summary>
    public LineEdges Edges { get; init; }

    /// <summary>The first kernel row that is inside the image; others than 0 only of problems that take edges.</summary>
    public int FirstRow { get; init; }

    /// <summary>The kernel row after the last that is.</summary>
    public int EndRow { get; init; } = int.MaxValue;

    /// <summary>What takes the place of rows that are not: padding, as long as they are.</summary>
    public byte* Padding { get; init; }

    /// <summary>Output pixels of a line.</summary>
    public int Pixels => pixels;

    /// <summary>The first output pixel of a line.</summary>
    public byte* Output(int line) => y + (line * OutputStride);

    /// <summary>Whether a kernel row is inside the image.</summary>
    public bool IsInside(int row) => row >= FirstRow && row < EndRow;

    /// <summary>The first tap of a line's first pixel in a kernel row.</summary>
    public byte* Row(int line, int row, nint offset) => IsInside(row) ? first + (line * Stride) + offset : Padding;
}

/// <summary>Taps of a line of outputs that are beyond its input.</summary>
[Flags]
internal enum LineEdges
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>The first tap of the first output.</summary>
    Left = 1,

    /// <summary>The last tap of the last output.</summary>
    Right = 2,
}
