using Halftone.Onnx;
using Halftone.Onnx.Passes;

namespace Halftone.PostTraining.Equalization;

/// <summary>Scales the channels between two layers so that the weights on both sides have the same range in each; what the network computes stays the same. Needs no data.</summary>
/// <remarks>
/// <para>For y = f(W1 x + b1), z = W2 y, with f(s y) = s f(y) for s > 0: row c of W1 and b1[c] times s[c], input c of W2 divided by s[c], s[c] = sqrt(r2[c] / r1[c]), with r1[c] the range of
/// row c and r2[c] that of input c. Both ranges become sqrt(r1[c] r2[c]). Pairs are gone through until they settle; for a convolution, a depthwise one and a convolution that is where all three
/// ranges are (r1 r2 r3)^(1/3). Moments of folded normalizations go along.</para>
/// <para>From: Nagel et al. 2019, Data-Free Quantization through Weight Equalization and Bias Correction, arXiv:1906.04721, section 4.1, where the factor is called 1 / s.
/// Never across additions, products, concatenations and functions that bend.</para>
/// </remarks>
public sealed record CrossLayerEqualization : IGraphPass, IDescribed
{
    private const int MostSweeps = 1000;
    private const double Settled = 1e-8; // |ln s| of the last sweep
    private const double Nothing = 1e-5; // scales nearer to 1 change nothing worth a rounding
    private const double MostScale = 1e8; // a channel that needs more is as good as dead, as is one without weights on a side, and stays as it is

    /// <inheritdoc/>
    public static MethodInfo Info { get; } = new("cross-layer-equalization", "Cross-layer equalization", "Nagel et al. 2019, Data-Free Quantization through Weight Equalization and Bias Correction, arXiv:1906.04721");

    /// <summary>Whether the range of a channel is max - min, for asymmetric weights, instead of max|w|.</summary>
    public bool Asymmetric { get; init; }

    /// <inheritdoc/>
    public bool Apply(Graph graph, PassContext context)
    {
        var map = ChannelMap.Of(graph, context, shared: false);
        EqualizedPair[] pairs = [.. map.Pairs()];
        var scales = new ChannelScales(graph, map);
        for (int sweep = 0; sweep < MostSweeps && Sweep(pairs, scales) > Settled; sweep++)
        {
        }

        if (pairs.Length == 0 || scales.Greatest < Nothing)
        {
            return false;
        }

        scales.Apply(context);
        context.Log.AddRange(pairs.Select(p => $"equalized the weights of '{p.First.Name}' and '{p.Second.Name}'"));
        return true;
    }

    /// <returns>Greatest |ln s| of a channel.</returns>
    private double Sweep(EqualizedPair[] pairs, ChannelScales scales)
    {
        double moved = 0;
        foreach (EqualizedPair pair in pairs)
        {
            double[] made = Range(scales, pair.Makes);
            Dictionary<int, double> read = [];
            foreach ((int id, double range) in pair.Reads.Ids.Zip(Range(scales, pair.Reads)))
            {
                read[id] = Math.Max(range, read.GetValueOrDefault(id));
            }

            foreach ((int id, double first) in pair.Makes.Ids.Zip(made))
            {
                double second = read[id];
                double step = Math.Sqrt(second / first);
                if (step * scales[id] is >= 1 / MostScale and <= MostScale)
                {
                    scales[id] *= step;
                    moved = Math.Max(moved, Math.Abs(Math.Log(step)));
                }
            }
        }

        return moved;
    }

    private double[] Range(ChannelScales scales, ChannelSite site)
    {
        if (!Asymmetric)
        {
            return scales.Magnitudes(site);
        }

        (double[] min, double[] max) = scales.Ranges(site);
        return [.. max.Zip(min, (a, b) => a - b)];
    }
}
