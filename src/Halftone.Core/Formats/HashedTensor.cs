using System.Collections.Immutable;
using Halftone.Numerics;

namespace Halftone.Formats;

/// <summary>bucket[hash(i)] * sign(i): elements share few values by a hash of their index, so that no index is stored (Chen et al. 2015, arXiv:1504.04788).</summary>
/// <remarks>With the 64 bits h of the seed and i: hash(i) = floor(high 32 bits * buckets / 2^32), sign(i) = +1 where the lowest bit is 1, else -1.</remarks>
public sealed record HashedTensor : QuantizedTensor
{
    private readonly SharingHash _hash;

    /// <summary>Makes one from its parts.</summary>
    /// <param name="shape">Lengths.</param>
    /// <param name="buckets">The shared values, at least one.</param>
    /// <param name="seed">Of the hash.</param>
    /// <exception cref="ArgumentException">There are no buckets.</exception>
    public HashedTensor(ImmutableArray<int> shape, ImmutableArray<float> buckets, int seed)
        : base(shape)
    {
        Buckets = buckets.IsDefaultOrEmpty ? throw new ArgumentException("There must be a bucket.", nameof(buckets)) : buckets;
        Seed = seed;
        _hash = new SharingHash(seed, Buckets.Length);
    }

    /// <summary>The shared values.</summary>
    public ImmutableArray<float> Buckets { get; }

    /// <summary>Of the hash.</summary>
    public int Seed { get; }

    /// <inheritdoc/>
    public override long StorageBits => (32L * Buckets.Length) + 32;

    /// <summary>The bucket of an element.</summary>
    public int BucketOf(int index) => _hash.BucketOf(index);

    /// <summary>The sign of an element: +1 or -1.</summary>
    public int SignOf(int index) => _hash.SignOf(index);

    /// <inheritdoc/>
    public override void Dequantize(Span<float> destination)
    {
        RequireLength(destination.Length);
        for (int i = 0; i < destination.Length; i++)
        {
            destination[i] = Buckets[BucketOf(i)] * SignOf(i);
        }
    }
}

/// <summary>Which bucket and sign an element has: a function of seed, number of buckets and place alone.</summary>
/// <param name="seed">Of the hash.</param>
/// <param name="buckets">Number of buckets, at least one.</param>
public readonly struct SharingHash(int seed, int buckets)
{
    private readonly CounterRandom _random = new(seed);

    /// <summary>The bucket of an element.</summary>
    public int BucketOf(int index) => (int)(((_random.Bits(index) >> 32) * (ulong)buckets) >> 32);

    /// <summary>The sign of an element: +1 or -1.</summary>
    public int SignOf(int index) => (_random.Bits(index) & 1) == 1 ? 1 : -1;

    /// <summary>The index of an element in a table of the buckets and then their negatives.</summary>
    public int TableIndexOf(int index) => BucketOf(index) + (SignOf(index) > 0 ? 0 : buckets);
}
