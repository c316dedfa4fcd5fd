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
