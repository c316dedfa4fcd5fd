using Halftone.Formats;
using Halftone.Numerics;
using Halftone.Statistics;

namespace Halftone.Weights;

/// <summary>Weights near zero are cut off; those that are left share 2^bits values, found by k-means, one codebook a layer.</summary>
/// <remarks>
/// <para>Kept: w != 0 and |w| >= quality * std(w), std over the whole weight. On the kept ones alone min over c of sum_i min_k (w_i - c_k)^2, by <see cref="ScalarLloyd"/>, so that no codeword is spent on
/// zero. A weight without zeros has no mask.</para>
/// <para>From: Han, Mao, Dally 2016, Deep Compression, arXiv:1510.00149, sections 2 and 3. The paper trains between the steps; a network that was pruned and trained elsewhere brings its zeros with
/// it, and they are its mask here. The threshold is that of the common implementations, the paper gives none. Codebooks belong to layers, whatever the target's granularity: the kept weights
/// of a channel are not of equal number. Coding of gaps and indices is the archive's.</para>
/// <para>Cost: as <see cref="KMeans"/>.</para>
/// </remarks>
public sealed record DeepCompression : IWeightMethod, IDescribed
{
    /// <inheritdoc/>
    public static MethodInfo Info { get; } = new("deep-compression", "Deep Compression", "Han et al. 2016, arXiv:1510.00149");

    /// <summary>The threshold of pruning in standard deviations of the layer's weights; 0 prunes nothing but keeps the zeros there are.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Negative or not finite.</exception>
    public double Quality
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            ArgumentOutOfRangeException.ThrowIfEqual(double.IsFinite(value), false, nameof(value));
            field = value;
        }
    }

    /// <summary>Where k-means starts; equally spaced codewords in the paper, which keep some near the large weights.</summary>
    public LloydStart Start { get; init; } = LloydStart.Linear;

    /// <summary>Steps of k-means at most.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Negative or zero.</exception>
    public int Iterations
    {
        get;
        init { ArgumentOutOfRangeException.ThrowIfNegativeOrZero(value); field = value; }
    } = 100;

    /// <summary>For a random start.</summary>
    public int Seed { get; init; }

    /// <inheritdoc/>
    public QuantizedTensor Quantize(WeightView weight, WeightTarget target, LayerStatistics statistics, CancellationToken cancel = default)
    {
        cancel.ThrowIfCancellationRequested();
        ReadOnlySpan<float> values = weight.Values.Span;
        GroupExtremes.RequireFinite(values);
        double threshold = Quality * Math.Sqrt(Moments.Of(values).Variance);
        var mask = new ulong[BinaryBasisTensor.WordCount(values.Length)];
        List<float> kept = new(values.Length);
        for (int i = 0; i < values.Length; i++)
        {
            if (values[i] != 0 && Math.Abs(values[i]) >= threshold)
            {
                mask[i / 64] |= 1UL << (i % 64);
                kept.Add(values[i]);
            }
        }

        return kept.Count == values.Length
            ? ScalarCodebooks.Lloyd(weight.Shape, weight.Values, Granularity.Tensor, target.Codes.Bits, Start, Iterations, Seed, cancel)
            : new SparseTensor(weight.Shape, mask, ScalarCodebooks.Lloyd([kept.Count], kept.ToArray(), Granularity.Tensor, target.Codes.Bits, Start, Iterations, Seed, cancel));
    }
}
