using System.Collections.Immutable;
using System.Numerics;

namespace Halftone.Formats;

/// <summary>Vectors of neighbouring elements, each one of few codewords: codeword[g][index].</summary>
/// <remarks>
/// The elements, row-major with their axes in the order <see cref="Order"/>, are cut into vectors of <see cref="Width"/>; vector v uses the codebook
/// g = v % <see cref="Subspaces"/> with many subspaces (product quantization: the vectors of a row take turns), or else the codebook of the group of its
/// first element under <see cref="Granularity"/>. In that order, element v * Width + j is Codewords[((g * CodebookSize) + index[v]) * Width + j].
/// </remarks>
public sealed record CodebookTensor : QuantizedTensor
{
    private readonly ushort[] _indices;
    private readonly AxisOrder? _order;

    /// <summary>Makes one from its parts; indices are copied.</summary>
    /// <param name="shape">Lengths; their product is a multiple of the width.</param>
    /// <param name="width">d: values in a codeword.</param>
    /// <param name="codebookSize">Codewords in a codebook, 1 to 65536.</param>
    /// <param name="codewords">[codebooks, codebookSize, width], row-major.</param>
    /// <param name="indices">One a vector.</param>
    /// <param name="granularity">What shares a codebook; with several subspaces the whole tensor.</param>
    /// <param name="subspaces">M: how many codebooks take turns.</param>
    /// <param name="order">The axes as vectors see them, the outermost first; as they are where not given.</param>
    /// <exception cref="ArgumentException">A length does not fit, or an index is outside its codebook.</exception>
    public CodebookTensor(
        ImmutableArray<int> shape,
        int width,
        int codebookSize,
        ImmutableArray<float> codewords,
        ReadOnlySpan<int> indices,
        Granularity granularity = default,
        int subspaces = 1,
        ImmutableArray<int> order = default)
        : base(shape)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(width);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(subspaces);
        ArgumentOutOfRangeException.ThrowIfLessThan(codebookSize, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(codebookSize, 1 << 16);
        int groups = granularity.GroupCount(shape.AsSpan());
        if (Count % width != 0 || indices.Length != Count / width)
        {
            throw new ArgumentException($"{indices.Length} indices of codewords of {width} do not fit {Count} elements.", nameof(indices));
        }

        if (subspaces > 1 && groups != 1)
        {
            throw new ArgumentException($"{subspaces} subspaces cannot go with {groups} groups: codebooks belong to the one or the other.", nameof(subspaces));
        }

        long want = (long)groups * subspaces * codebookSize * width;
        if (codewords.Length != want)
        {
            throw new ArgumentException($"There are {codewords.Length} values in the codebooks; there must be {want}.", nameof(codewords));
        }

        Order = order.IsDefault ? AxisOrder.Identity(shape.Length) : order;
        _order = Order.SequenceEqual(AxisOrder.Identity(shape.Length)) ? null : new AxisOrder(shape, Order);
        _indices = new ushort[indices.Length];
        for (int v = 0; v < indices.Length; v++)
        {
            if (indices[v] < 0 || indices[v] >= codebookSize)
            {
                throw new ArgumentException($"Index {indices[v]} at {v} is outside a codebook of {codebookSize}.", nameof(indices));
            }

            _indices[v] = (ushort)indices[v];
        }

        Width = width;
        CodebookSize = codebookSize;
        Codewords = codewords;
        Granularity = granularity;
        Subspaces = subspaces;
    }

    /// <summary>Values in a codeword.</summary>
    public int Width { get; }

    /// <summary>Codewords in a codebook.</summary>
    public int CodebookSize { get; }

    /// <summary>[codebooks, CodebookSize, Width], row-major.</summary>
    public ImmutableArray<float> Codewords { get; }

    /// <summary>What shares a codebook.</summary>
    public Granularity Granularity { get; }

    /// <summary>How many codebooks take turns.</summary>
    public int Subspaces { get; }

    /// <summary>The axes as vectors see them, the outermost first: [1, 0] for vectors along the columns of a matrix.</summary>
    public ImmutableArray<int> Order { get; }

    /// <summary>Bits of an index: ceil(log2(CodebookSize)).</summary>
    public int IndexBits => BitOperations.Log2(((uint)CodebookSize * 2) - 1);

    /// <inheritdoc/>
    public override long StorageBits => ((long)_indices.Length * IndexBits) + (32L * Codewords.Length);

    /// <summary>The index of a vector.</summary>
    public int Index(int vector) => _indices[vector];

    /// <summary>The codebook of a vector.</summary>
    public int Codebook(int vector) => Subspaces > 1 ? vector % Subspaces : Granularity.GroupOf(Element(vector * Width), Shape.AsSpan());

    /// <inheritdoc/>
    public override void Dequantize(Span<float> destination)
    {
        RequireLength(destination.Length);
        for (int v = 0; v < _indices.Length; v++)
        {
            int word = (Codebook(v) * CodebookSize) + _indices[v];
            ReadOnlySpan<float> values = Codewords.AsSpan().Slice(word * Width, Width);
            if (_order is null)
            {
                values.CopyTo(destination[(v * Width)..]);
                continue;
            }

            for (int j = 0; j < Width; j++)
            {
                destination[Element((v * Width) + j)] = values[j];
            }
        }
    }

    private int Element(int position) => _order?.Element(position) ?? position;
}
