using System.Collections.Immutable;

namespace Halftone.Formats;

/// <summary>A weight in one of the closed set of formats: immutable, knows its shape, its exact storage and its values.</summary>
/// <remarks>The set: AffineTensor, FloatTensor, CodebookTensor, BinaryBasisTensor, SumTensor, SparseTensor, HashedTensor. Methods are many; formats are these.</remarks>
public abstract record QuantizedTensor
{
    private protected QuantizedTensor(ImmutableArray<int> shape)
    {
        long count = 1;
        foreach (int length in shape)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(length, nameof(shape));
            count *= length;
        }

        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, int.MaxValue, nameof(shape));
        Shape = shape;
        Count = (int)count;
    }

    /// <summary>Lengths, row-major, as the weight stands in the model.</summary>
    public ImmutableArray<int> Shape { get; }

    /// <summary>Number of elements.</summary>
    public int Count { get; }

    /// <summary>Everything needed to restore the values, in bits: codes, scales, zero points, codebooks, tables, masks.</summary>
    public abstract long StorageBits { get; }

    /// <summary>The values it stands for, row-major.</summary>
    /// <exception cref="ArgumentException">The destination does not hold <see cref="Count"/> elements.</exception>
    public abstract void Dequantize(Span<float> destination);

    /// <summary>The values it stands for, row-major.</summary>
    public float[] Dequantize()
    {
        var values = new float[Count];
        Dequantize(values);
        return values;
    }

    private protected void RequireLength(int length)
    {
        if (length != Count)
        {
            throw new ArgumentException($"The destination holds {length} elements, the tensor {Count}.");
        }
    }
}
