using System.Collections.Immutable;
using Halftone.Formats;

namespace Halftone.Weights;

/// <summary>Vectors of weights as a sum of codewords, one from each of several codebooks; each codebook is found by k-means on what the ones before it left.</summary>
/// <remarks>
/// <para>r_0 = v; stage j: min over c of sum over vectors of min_k ||r_j - c_k||^2, r_(j+1) = r_j - c_index. Each stage has 2^bits codewords; no stage raises the error, since codewords are means.</para>
/// <para>From: Gong et al. 2014, arXiv:1412.6115, section 3.2.4, where a vector is a whole row of the weight: take a width of at least the inputs of an output. Chosen here: short vectors, as a codebook
/// of whole rows costs as much as 2^bits outputs in floats. Vectors are cut as by <see cref="ProductQuantization"/>.</para>
/// <para>Cost: stages times that of <see cref="ProductQuantization"/>.</para>
/// </remarks>
public sealed record ResidualQuantization : IWeightMethod, IDescribed
{
    /// <inheritdoc/>
    public static MethodInfo Info { get; } = new("residual-quantization", "Residual quantization", "Gong et al. 2014, arXiv:1412.6115");

    /// <summary>Values in a vector; with the two stages of 256 codewords, 8 make 2 bits a weight.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Negative or zero.</exception>
    public int Width
    {
        get;
        init { ArgumentOutOfRangeException.ThrowIfNegativeOrZero(value); field = value; }
    } = 8;

    /// <summary>Codebooks that are added.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Negative or zero.</exception>
    public int Stages
    {
        get;
        init { ArgumentOutOfRangeException.ThrowIfNegativeOrZero(value); field = value; }
    } = 2;

    /// <summary>Steps of k-means at most.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Negative or zero.</exception>
    public int Iterations
    {
        get;
        init { ArgumentOutOfRangeException.ThrowIfNegativeOrZero(value); field = value; }
    } = 25;

    /// <summary>Of the starts.</summary>
    public int Seed { get; init; }

    /// <inheritdoc/>
    public QuantizedTensor Quantize(WeightView weight, WeightTarget target, LayerStatistics statistics, CancellationToken cancel = default)
    {
        cancel.ThrowIfCancellationRequested();
        GroupExtremes.RequireFinite(weight.Values.Span);
        var vectors = WeightVectors.Of(weight, Width);
        var left = vectors with { Values = [.. vectors.Values] };
        var sum = new float[vectors.Values.Length];
        var stages = ImmutableArray.CreateBuilder<QuantizedTensor>();
        for (int stage = 0; stage < Stages; stage++)
        {
            CodebookTensor found = left.Clustered(1 << target.Codes.Bits, Iterations, Seed, cancel);
            stages.Add(found);
            for (int i = 0; i < sum.Length; i++)
            {
                // in floats, as the sum is made when it is read
                sum[i] += found.Codewords[(found.Index(i / left.Width) * left.Width) + (i % left.Width)];
                left.Values[i] = vectors.Values[i] - sum[i];
            }
        }

        return new SumTensor(stages.ToImmutable());
    }
}
