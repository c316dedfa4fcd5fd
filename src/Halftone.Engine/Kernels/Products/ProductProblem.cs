using System.Collections.Immutable;

namespace Halftone.Engine.Kernels.Products;

/// <summary>A convolution or matrix product, as rows of unsigned bytes times channels of signed ones.</summary>
/// <remarks>
/// y[r, n] = epilogue(bias[n] + sum over segments s and k &lt; SegmentBytes of a[r * RowStride + SegmentOffsets[s] + k] * w[n, s, k]), sums in 32 bits, which wrap.
/// Row r of the output lies at r * OutputStride bytes, its channels one after another. A matrix product has one segment, the row; a convolution over NHWC has one a kernel row,
/// since the taps of a kernel row are neighbours in memory, or one a tap where they are not (dilation, groups). Zero points of the inputs are in the bias already.
/// A kernel may read on to the next multiple of 4 bytes of a segment, and writes nothing but its rows' channels.
/// </remarks>
internal sealed record ProductProblem
{
    /// <summary>Most weights of a channel where they are packed: kernels sum 255 times them, raised to the top of a byte, in 32 bits.</summary>
    public const int DeepestPacked = int.MaxValue / (255 * 128);

    /// <summary>Output channels.</summary>
    public required int Channels { get; init; }

    /// <summary>Bytes of a segment, 1 or more.</summary>
    public required int SegmentBytes { get; init; }

    /// <summary>Where each segment begins, in bytes from the beginning of a row; may be negative, and may repeat.</summary>
    public required ImmutableArray<int> SegmentOffsets { get; init; }

    /// <summary>Bytes from a row to the next.</summary>
    public required int RowStride { get; init; }

    /// <summary>Bytes from a row of the output to the next.</summary>
    public required int OutputStride { get; init; }

    /// <summary>[Channels, segments, SegmentBytes].</summary>
    public required sbyte[] Weights { get; init; }

    /// <summary>Bits that hold a weight, two's complement: 8, 4 or 2. Of fewer than 8 kernels keep several in a byte and unpack them in registers; <see cref="DeepestPacked"/> weights a channel at most then.</summary>
    public int WeightBits { get; init; } = 8;

    /// <summary>[Channels].</summary>
    public required int[] Bias { get; init; }

    /// <summary>What becomes of the sums.</summary>
    public required Epilogue Epilogue { get; init; }

    /// <summary>What is added to the codes of the epilogue; null for nothing. It needs an epilogue of codes.</summary>
    public ProductResidual? Residual { get; init; }

    /// <summary>How many rows most calls will ask for; a hint for tiling.</summary>
    public int LineRows { get; init; } = 1;

    /// <summary>Rows of the last line, where lines are pieces of a matrix; 0 where all lines are alike.</summary>
    public int LastRows { get; init; }

    /// <summary>Bytes of a tap of the segment, a multiple of 4; needed with <see cref="LineTaps"/>.</summary>
    public int TapBytes { get; init; }

    /// <summary>For each row of a line of <see cref="LineRows"/>, the taps of a segment that may be other than zero, so that a kernel may leave out the others; default where all may be.</summary>
    public ImmutableArray<(int First, int End)> LineTaps { get; init; }
}
