namespace Halftone.Engine;

/// <summary>A node whose sums are kept in 16 bits for a while, where they may saturate; see <see cref="Accumulation"/>.</summary>
/// <remarks>
/// A channel is exact whatever the activations where, in each stretch that is summed in 16 bits, its positive weights sum to at most 128 and its negative ones to at least -128,
/// outliers left out: 255 * 128 fits 16 bits, 255 * 129 does not. A stretch is 256 of depth for <see cref="Accumulation.Int16WithOutliers"/> and 2 for
/// <see cref="Accumulation.PairSaturating"/>, where weights from -64 to 64 therefore never saturate. Other channels are exact as long as no activations reach the bounds.
/// </remarks>
/// <param name="Node">Its name.</param>
/// <param name="Accumulation">The form modelled.</param>
/// <param name="Weights">Number of weights.</param>
/// <param name="Outliers">How many of them are outliers.</param>
/// <param name="Channels">Output channels.</param>
/// <param name="ExactChannels">How many of them cannot saturate.</param>
public sealed record NarrowProduct(string Node, Accumulation Accumulation, long Weights, long Outliers, int Channels, int ExactChannels)
{
    /// <summary>Share of the weights that are outliers. FBGEMM counts on about 0.001.</summary>
    public double Density => (double)Outliers / Weights;

    /// <summary>Whether the result equals the exact one for all activations.</summary>
    public bool IsExact => ExactChannels == Channels;
}
