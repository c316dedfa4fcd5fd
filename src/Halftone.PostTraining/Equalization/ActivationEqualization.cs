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
    private const float Settled = 1e-3f; // scales nearer to 1 change nothing worth a rounding

    /// <inheritdoc/>
    public static MethodInfo Info { get; } = new("activation-equalization", "Activation equalization", "Meller et al. 2019, Same, Same But Different, arXiv:1902.01917");

    /// <summary>Every pair of layers that can be equalized.</summary>
    public static IEnumerable<EqualizedPair> Pairs(Graph graph) => graph.Nodes.Select(n => EqualizedPair.After(graph, n)).OfType<EqualizedPair>();

    /// <inheritdoc/>
    /// <remarks>Asks <see cref="PassContext.ChannelMaxima"/> for the values of <see cref="EqualizedPair.Values"/>; without samples nothing changes.</remarks>
    public bool Apply(Graph graph, PassContext context)
    {
        EqualizedPair[] pairs = [.. Pairs(graph)];
        if (pairs.Length == 0 || context.ChannelMaxima is not { } learn)
        {
            return false;
        }

        Dictionary<string, float[]> maxima = learn([.. pairs.SelectMany(p => p.Values)]);
        bool changed = false;

        // a layer between two others changes with both, so the pairs are gone through until they settle
        for (int round = 0; round < MostRounds && Sweep(graph, pairs, maxima); round++)
        {
            changed = true;
        }

        foreach (EqualizedPair pair in changed ? pairs : [])
        {
            context.Log.Add($"equalized the channels between '{pair.First.Name}' and '{pair.Second.Name}'");
        }

        return changed;
    }

    private static bool Sweep(Graph graph, EqualizedPair[] pairs, Dictionary<string, float[]> maxima)
    {
        bool changed = false;
        foreach (EqualizedPair pair in pairs)
        {
            float[] scales = Scales(pair.Values.Select(v => maxima[v]), pair.GreatestWeights(graph));
            if (scales.All(s => Math.Abs(s - 1) < Settled))
            {
                continue;
            }

            pair.Scale(graph, scales);
            foreach (string value in pair.Values)
            {
                maxima[value] = [.. maxima[value].Zip(scales, (a, s) => a * s)];
            }

            changed = true;
        }

        return changed;
    }

    private static float[] Scales(IEnumerable<float[]> maxima, float[] weights)
    {
        float[] activations = [.. maxima.Aggregate((a, b) => [.. a.Zip(b, Math.Max)])];
        double[] scales = [.. activations.Zip(weights, (a, w) => a > 0 && w > 0 && float.IsFinite(a) && float.IsFinite(w) ? Math.Sqrt((double)w / a) : double.NaN)];
        double mean = scales.Where(double.IsFinite).Select(s => Math.Log(s)).DefaultIfEmpty(0).Average();
        return Array.ConvertAll(scales, s => double.IsFinite(s) ? (float)(s / Math.Exp(mean)) : 1f);
    }
}
