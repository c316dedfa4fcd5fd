using System.Collections.Immutable;
using Halftone.Onnx;

namespace Halftone.PostTraining.Calibration;

/// <summary>What a value was when a sample ran: learned, never guessed.</summary>
/// <param name="Type">Element type.</param>
/// <param name="Dims">Lengths with that sample.</param>
public sealed record ObservedValue(ElementType Type, ImmutableArray<long> Dims)
{
    /// <summary>Bytes of it.</summary>
    public long ByteLength => Type.ByteCount(Dims.Aggregate(1L, (a, b) => a * b));
}
