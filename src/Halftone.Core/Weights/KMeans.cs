using Halftone.Formats;
using Halftone.Numerics;

namespace Halftone.Weights;

/// <summary>A codebook of 2^bits values for each group, by k-means.</summary>
/// <remarks>
/// <para>min over c of sum_i min_k (w_i - c_k)^2, by <see cref="ScalarLloyd"/>; then each value takes the nearest codeword, a value in the middle the lower one. A group with fewer different values
/// than codewords is kept exactly. An empty cluster gets half of the widest populated one.</para>
/// <para>From: Gong et al. 2014, arXiv:1412.6115, section 3.2.2; starts: Han et al. 2016, Deep Compression, arXiv:1510.00149, section 3.1. Both take a codebook a layer: granularity 'tensor'.
/// Chosen here: at most 100 steps.</para>
/// <para>Cost: a sort of the weight; about five times its memory. The same for any number of threads.</para>
/// </remarks>
public sealed record KMeans : IWeightMethod, IDescribed
{
    /// <inheritdoc/>
    public static MethodInfo Info { get; } = new("k-means", "k-means codebook", "Gong et al. 2014, arXiv:1412.6115");

    /// <summary>Where it starts; equally spaced codewords in Deep Compression.</summary>
    public LloydStart Start { get; init; } = LloydStart.Linear;

    /// <summary>Steps at most.</summary>
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
        GroupExtremes.RequireFinite(weight.Values.Span);
        return ScalarCodebooks.Lloyd(weight.Shape, weight.Values, target.Granularity, target.Codes.Bits, Start, Iterations, Seed, cancel);
    }
}
