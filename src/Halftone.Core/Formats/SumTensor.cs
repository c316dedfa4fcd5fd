using System.Collections.Immutable;
using System.Numerics.Tensors;

namespace Halftone.Formats;

/// <summary>The sum of tensors of one shape, added in order (residual quantization, multi-point).</summary>
public sealed record SumTensor : QuantizedTensor
{
    /// <summary>The sum of those terms.</summary>
    /// <exception cref="ArgumentException">No terms, or their shapes differ.</exception>
    public SumTensor(ImmutableArray<QuantizedTensor> terms)
        : base(terms.IsDefaultOrEmpty ? throw new ArgumentException("A sum needs a term.", nameof(terms)) : terms[0].Shape)
    {
        foreach (QuantizedTensor term in terms)
        {
            if (!term.Shape.AsSpan().SequenceEqual(Shape.AsSpan()))
            {
                throw new ArgumentException($"The terms have shapes [{string.Join(", ", Shape)}] and [{string.Join(", ", term.Shape)}].", nameof(terms));
            }
        }

        Terms = terms;
    }

    /// <summary>What is added.</summary>
    public ImmutableArray<QuantizedTensor> Terms { get; }

    /// <inheritdoc/>
    public override long StorageBits => Terms.Sum(t => t.StorageBits);

    /// <inheritdoc/>
    public override void Dequantize(Span<float> destination)
    {
        Terms[0].Dequantize(destination);
        foreach (QuantizedTensor term in Terms.AsSpan()[1..])
        {
            TensorPrimitives.Add(destination, term.Dequantize(), destination);
        }
    }
}
