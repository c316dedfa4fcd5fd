using Halftone.Formats;

namespace Halftone.Weights;

/// <summary>Weights share few values by a hash of their place, with a hashed sign, so that no index is stored.</summary>
/// <remarks>
/// <para>w_i ~ sign(i) * bucket[hash(i)]; for a given weight the bucket of least squared error is the mean of sign(i) * w_i over its elements.</para>
/// <para>From: Chen et al. 2015, Compressing Neural Networks with the Hashing Trick, arXiv:1504.04788, section 4, where a network is trained in this form from the start: there it keeps its accuracy. A trained weight
/// has nothing to do with the hash, so what this leaves of it is the share 1 / <see cref="Compression"/> of its squares: it is the form and where training starts, not a way to compress a
/// finished network. The hash is that of <see cref="HashedTensor"/>, xxHash in the paper. Bits and granularity play no part: buckets are floats, one set a weight.</para>
/// </remarks>
public sealed record HashedNets : IWeightMethod, IDescribed
{
    /// <inheritdoc/>
    public static MethodInfo Info { get; } = new("hashed-nets", "HashedNets", "Chen et al. 2015, arXiv:1504.04788");

    /// <summary>Elements a bucket: 8 and 64 are the paper's points.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Negative or zero.</exception>
    public int Compression
    {
        get;
        init { ArgumentOutOfRangeException.ThrowIfNegativeOrZero(value); field = value; }
    } = 8;

    /// <summary>Of the hash.</summary>
    public int Seed { get; init; }

    /// <inheritdoc/>
    public QuantizedTensor Quantize(WeightView weight, WeightTarget target, LayerStatistics statistics, CancellationToken cancel = default)
    {
        cancel.ThrowIfCancellationRequested();
        ReadOnlySpan<float> values = weight.Values.Span;
        GroupExtremes.RequireFinite(values);
        int buckets = Math.Max(1, values.Length / Compression);
        var places = new HashedTensor(weight.Shape, [.. new float[buckets]], Seed);
        var sums = new double[buckets];
        var members = new int[buckets];
        for (int i = 0; i < values.Length; i++)
        {
            int bucket = places.BucketOf(i);
            sums[bucket] += places.SignOf(i) * (double)values[i];
            members[bucket]++;
        }

        return new HashedTensor(weight.Shape, [.. sums.Select((sum, k) => (float)(sum / Math.Max(1, members[k])))], Seed);
    }
}
