using System.Collections.Immutable;

namespace Halftone.Weights;

/// <summary>What a weight is to its node, which decides its axes.</summary>
public enum WeightKind
{
    /// <summary>[O, I / groups, kernel...].</summary>
    Conv,

    /// <summary>[I, O / groups, kernel...].</summary>
    ConvTranspose,

    /// <summary>[I, O], or [O, I] where transposed; also MatMul's constant, where leading axes are batches.</summary>
    MatMul,

    /// <summary>An embedding: [rows, width], one row an output.</summary>
    Gather,
}

/// <summary>A weight with its axes declared, so that no method guesses one.</summary>
/// <param name="Kind">What it is to its node.</param>
/// <param name="Shape">Lengths, row-major, as it stands in the model.</param>
/// <param name="OutputAxis">The axis whose index is an output channel (of a group, for ConvTranspose).</param>
/// <param name="InputAxis">The axis that is summed over, kernel apart.</param>
/// <param name="Groups">1, or the groups of a convolution.</param>
/// <param name="Values">The values, row-major.</param>
public sealed record WeightView(WeightKind Kind, ImmutableArray<int> Shape, int OutputAxis, int InputAxis, int Groups, ReadOnlyMemory<float> Values)
{
    /// <summary>Length of <see cref="OutputAxis"/>.</summary>
    public int OutputChannels => Shape[OutputAxis];
}
