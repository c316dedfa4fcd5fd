using System.Collections.Immutable;
using Halftone.Onnx;

namespace Halftone.PostTraining.Equalization;

/// <summary>Two layers with nothing between them but functions that let a positive scale of a channel through, and nobody else who reads what is between.</summary>
/// <param name="Makes">The first weight by its outputs, which are scaled.</param>
/// <param name="Reads">The second weight by its inputs, which are divided.</param>
/// <param name="Values">The values between them, in order.</param>
internal sealed record EqualizedPair(ChannelSite Makes, ChannelSite Reads, ImmutableArray<string> Values)
{
    /// <summary>Conv, ConvTranspose, Gemm or MatMul.</summary>
    public Node First => Makes.Node;

    /// <summary>One of these.</summary>
    public Node Second => Reads.Node;
}
