using Halftone.Formats;
using Halftone.Numerics;

namespace Halftone.Weights;

/// <summary>The inputs of each output are cut into short vectors, each of which becomes one of 2^bits codewords, found by k-means.</summary>
/// <remarks>
/// <para>min over c of sum over vectors v of min_k ||v - c_k||^2, by <see cref="VectorLloyd"/> from a k-means++ start; vectors of one value by <see cref="ScalarLloyd"/>. With 256 codewords of width 4 that is 2 bits a weight
/// and the codebook. Vectors run along the inputs of an output (input channels times kernel); where those are no multiple of the width, the width is their largest divisor below it.</para>
/// <para>From: Gong et al. 2014, arXiv:1412.6115, section 3.2.3: a codebook for each place in the row. Chosen here: by default one codebook for all places, since one each costs
/// 2^bits rows of floats, as much as most convolutions have; the target's granularity plays no part.</para>
/// <para>Cost: iterations * 2^bits multiply-adds a weight; three times its memory. The same for any number of threads.</para>
/// </remarks>
public sealed record ProductQuantization : IWeightMethod, IDescribed
{
    /// <inheritdoc/>
    public static MethodInfo Info { get; } = new("product-quantization", "Product quantization", "Gong et al. 2014, arXiv:1412.6115");

    /// <summary>Values in a vector.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Negative or zero.</exception>
    public int Width
    {
        get;
        init { ArgumentOutOfRangeException.ThrowIfNegativeOrZero(value); field = value; }
    } = 4;

    /// <summary>Whether each place of a vector in its row has a codebook of its own, as in the paper; else all share one.</summary>
    public bool CodebookPerPlace { get; init; }

    /// <summary>Steps of k-means at most.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Negative or zero.</exception>
    public int Iterations
    {
        get;
        init { ArgumentOutOfRangeException.ThrowIfNegativeOrZero(value); field = value; }
    } = 25;

    /// <summary>Of the start.</summary>
    public int Seed { get; init; }

    /// <inheritdoc/>
    public QuantizedTensor Quantize(WeightView weight, WeightTarget target, LayerStatistics statistics, CancellationToken cancel = default)
    {
        cancel.ThrowIfCancellationRequested();
        GroupExtremes.RequireFinite(weight.Values.Span);
        var vectors = WeightVectors.Of(weight, Width);
        return CodebookPerPlace && vectors.PerOutput > 1 && vectors.Count > 0
            ? PerPlace(vectors, 1 << target.Codes.Bits, cancel)
            : vectors.Clustered(1 << target.Codes.Bits, Iterations, Seed, cancel);
    }

    private CodebookTensor PerPlace(WeightVectors vectors, int most, CancellationToken cancel)
    {
        var books = new CodebookTensor[vectors.PerOutput];
        Parallel.For(0, books.Length, new ParallelOptions { CancellationToken = cancel }, place => books[place] = vectors.At(place).Clustered(most, Iterations, Seed, cancel));
        int size = books.Max(b => b.CodebookSize);
        float[] codewords = [.. books.SelectMany(b => b.Codewords.Concat(Enumerable.Repeat(0f, (size * b.Width) - b.Codewords.Length)))];
        int[] indices = [.. Enumerable.Range(0, vectors.Count).Select(v => books[v % books.Length].Index(v / books.Length))];
        return new(vectors.Shape, vectors.Width, size, [.. codewords], indices, subspaces: books.Length, order: vectors.Order);
    }
}
