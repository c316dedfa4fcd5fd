using System.Collections.Immutable;
using Halftone.Onnx;

namespace Halftone.Engine;

/// <summary>What a value is: its element type and its lengths, all known. Values are row-major and packed.</summary>
/// <param name="Element">Element type, of 8 bits or more.</param>
/// <param name="Dims">Lengths; empty for a scalar.</param>
internal readonly record struct TensorType(ElementType Element, ImmutableArray<int> Dims)
{
    /// <summary>Number of elements.</summary>
    public long Count => Dims.Aggregate(1L, (a, b) => a * b);

    /// <summary>Bytes taken.</summary>
    public long Bytes => Element.ByteCount(Count);

    /// <summary>Number of axes.</summary>
    public int Rank => Dims.Length;

    /// <inheritdoc/>
    public override string ToString() => $"{Element.OnnxName()}[{string.Join(",", Dims)}]";
}
