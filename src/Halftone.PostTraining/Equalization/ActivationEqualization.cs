using Halftone.Onnx;
using Halftone.Onnx.Passes;

namespace Halftone.PostTraining.Equalization;

/// <summary>Scales the channels between two layers so that they use the range they share alike; what the network computes stays the same.</summary>
/// <remarks>
/// <para>For y = f(W1 x + b1), z = W2 y, with f(s y) = s f(y) for s > 0: row c of W1 and b1[c] times s[c], input c of W2 divided by s[c],
/// s[c] = sqrt(max|W2[:, c]| / a[c]), a[c] the greatest magnitude of channel c between the layers; s without units, of geometric mean 1.</para>
/// <para>From: Nagel et al. 2019, Data-Free Quantization through Weight Equalization and Bias Correction, arXiv:1906.04721, section 4.1, where a is max|W1[c]|;
/// with activations' ranges: Meller et al. 2019, Same, Same But Different, arXiv:1902.01917. Channels that are always zero, or that nobody weighs, stay as they are.</para>
/// </remarks>
public sealed record ActivationEqualization : IGraphPass, IDescribed
{
    private const int MostRounds = 20; // as many as the reference implementation makes
    private const double Settled = 1e-3; // scales nearer to 1 change nothing worth a rounding

    /// <inheritdoc/>
    public static MethodInfo Info { get; } = new("activation-equalization", "Activation equalization", "Meller et al. 2019, Same, Same But Different, arXiv:1902.01917");

    /// <summary>Every pair of layers that can be equalized.</summary>
    internal static IEnumerable<EqualizedPair> Pairs(Graph graph, PassContext context) => ChannelMap.Of(graph, context, shared: false).Pairs();

    /// <inheritdoc/>
    /// <remarks>Asks <see cref="PassContext.ChannelRanges"/> for the values between the layers; without samples nothing changes.</remarks>
    public bool Apply(Graph graph, PassContext context)
    {
        var map = ChannelMap.Of(graph, context, shared: false);
        EqualizedPair[] pairs = [.. map.Pairs()];
        if (pairs.Length == 0 || context.ChannelRanges is not { } learn)
        {
            return false;
        }

        // runs of elements that a channel stands for are seen before they become one axis
        ChannelAxis[] asked = [.. pairs.SelectMany(p => p.Values).Where(v => !map.Values[v].IsOpen).Select(v => new ChannelAxis(v, map.Values[v].Axis))];
        var activations = new double[map.Count];
        foreach ((string value, ChannelRanges ranges) in learn(asked))
        {
            foreach ((int id, float most) in map.Values[value].Ids.Zip(ranges.Magnitude))
            {
                activations[id] = Math.Max(activations[id], most);
            }
        }

        // a layer between two others changes with both, so the pairs are gone through until they settle
        var scales = new ChannelScales(graph, map);
        bool changed = false;
        for (int round = 0; round < MostRounds && Sweep(pairs, scales, activations); round++)
        {
            changed = true;
        }

        if (changed)
        {
            scales.Apply(context);
            context.Log.AddRange(pairs.Select(p => $"equalized the channels between '{p.First.Name}' and '{p.Second.Name}'"));
        }

        return changed;
    }

    private static bool Sweep(EqualizedPair[] pairs, ChannelScales scales, double[] activations)
    {
        bool changed = false;
        foreach (EqualizedPair pair in pairs)
        {
            Dictionary<int, double> weights = [];
            foreach ((int id, double weight) in pair.Reads.Ids.Zip(scales.Magnitudes(pair.Reads)))
            {
                weights[id] = Math.Max(weight, weights.GetValueOrDefault(id));
            }

            int[] ids = [.. pair.Makes.Ids.Where(id => activations[id] > 0 && weights[id] > 0 && double.IsFinite(activations[id]))];
            double[] steps = [.. ids.Select(id => Math.Sqrt(weights[id] / (activations[id] * scales[id])))];
            double mean = steps.Select(s => Math.Log(s)).DefaultIfEmpty(0).Average();
            if (steps.All(s => Math.Abs((s / Math.Exp(mean)) - 1) < Settled))
            {
                continue;
            }

            foreach ((int id, double step) in ids.Zip(steps))
            {
                scales[id] *= step / Math.Exp(mean);
            }

            changed = true;
        }

        return changed;
    }
}
