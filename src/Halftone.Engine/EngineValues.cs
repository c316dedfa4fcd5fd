using Halftone.Onnx;

namespace Halftone.Engine;

/// <summary>A value to feed.</summary>
public readonly struct EngineInput
{
    private readonly Tensor? _tensor;
    private readonly ReadOnlyMemory<byte> _bytes;
    private readonly long[] _dims;

    /// <summary>A tensor.</summary>
    public EngineInput(Tensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        (_tensor, _dims, Type) = (tensor, [.. tensor.Dims], tensor.Type);
    }

    /// <summary>Bytes of elements, row-major, little-endian.</summary>
    /// <param name="type">Element type.</param>
    /// <param name="bytes">The elements; they may change between runs.</param>
    /// <param name="dims">Lengths.</param>
    public EngineInput(ElementType type, ReadOnlyMemory<byte> bytes, params long[] dims)
    {
        ArgumentNullException.ThrowIfNull(dims);
        (_bytes, _dims, Type) = (bytes, dims, type);
    }

    /// <summary>Element type.</summary>
    public ElementType Type { get; }

    internal ReadOnlySpan<long> Dims => _dims;

    internal ReadOnlySpan<byte> Bytes => _tensor is null ? _bytes.Span : _tensor.Bytes;
}

/// <summary>Memory for an output: its elements, row-major, little-endian.</summary>
/// <param name="Memory">As many bytes as the output takes.</param>
public readonly record struct EngineOutput(Memory<byte> Memory)
{
    internal ReadOnlySpan<byte> Bytes => Memory.Span;
}
