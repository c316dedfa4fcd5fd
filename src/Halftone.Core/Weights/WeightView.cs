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

    /// <summary>The weight as one row an output and one column an input of it, kernel included; null where it is no such matrix (ConvTranspose, embeddings, batches).</summary>
    public WeightMatrix? Matrix => Kind switch
    {
        WeightKind.Conv when Shape[0] > 0 => new(Shape[0], Values.Length / Shape[0], Values.Length / Shape[0], 1),
        WeightKind.MatMul when Shape.Length == 2 => new(Shape[OutputAxis], Shape[InputAxis], OutputAxis == 0 ? Shape[1] : 1, InputAxis == 0 ? Shape[1] : 1),
        _ => null,
    };
}

/// <summary>Where the elements of a weight's matrix are.</summary>
/// <param name="Rows">Outputs.</param>
/// <param name="Columns">Inputs of an output.</param>
/// <param name="RowStep">Elements from an output to the next.</param>
/// <param name="ColumnStep">Elements from an input to the next.</param>
public readonly record struct WeightMatrix(int Rows, int Columns, int RowStep, int ColumnStep)
{
    /// <summary>Row-major index of the element in the weight as it stands.</summary>
    public int Element(int row, int column) => (row * RowStep) + (column * ColumnStep);
}
