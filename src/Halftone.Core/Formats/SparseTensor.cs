using System.Collections.Immutable;
using System.Numerics;

namespace Halftone.Formats;

/// <summary>Zeros but for the elements of a mask, which an inner tensor holds without gaps, in row-major order.</summary>
/// <remarks>The mask counts one bit an element; what coding it costs less is the business of the archive.</remarks>
public sealed record SparseTensor : QuantizedTensor
{
    private readonly ulong[] _mask;

    /// <summary>Makes one from its parts; the mask is copied.</summary>
    /// <param name="shape">Lengths.</param>
    /// <param name="mask">Bit i % 64 of word i / 64 is 1 where element i is kept.</param>
    /// <param name="kept">As many elements as the mask has ones.</param>
    /// <exception cref="ArgumentException">The mask does not fit the shape or the inner tensor.</exception>
    public SparseTensor(ImmutableArray<int> shape, ReadOnlySpan<ulong> mask, QuantizedTensor kept)
        : base(shape)
    {
        long ones = 0;
        foreach (ulong word in mask)
        {
            ones += BitOperations.PopCount(word);
        }

        bool beyond = Count % 64 != 0 && mask.Length > 0 && mask[^1] >> (Count % 64) != 0;
        if (mask.Length != BinaryBasisTensor.WordCount(Count) || beyond || ones != kept.Count)
        {
            throw new ArgumentException($"A mask of {mask.Length} words with {ones} ones does not fit {Count} elements of which {kept.Count} are kept.", nameof(mask));
        }

        _mask = mask.ToArray();
        Kept = kept;
    }

    /// <summary>The elements that are kept.</summary>
    public QuantizedTensor Kept { get; }

    /// <inheritdoc/>
    public override long StorageBits => Count + Kept.StorageBits;

    /// <summary>Whether an element is kept.</summary>
    public bool IsKept(int index) => ((_mask[index / 64] >> (index % 64)) & 1) == 1;

    /// <inheritdoc/>
    public override void Dequantize(Span<float> destination)
    {
        RequireLength(destination.Length);
        float[] kept = Kept.Dequantize();
        int next = 0;
        for (int i = 0; i < destination.Length; i++)
        {
            destination[i] = IsKept(i) ? kept[next++] : 0;
        }
    }
}
