namespace Halftone.Engine.Kernels.Depthwise;

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
