using Halftone.Onnx;
using Halftone.Onnx.Passes;

namespace Halftone.PostTraining.Equalization;

/// <summary>Lifts each output channel of a layer towards the range of its greatest, as far as the activations allow, and divides what reads it; what the network computes stays the same.</summary>
/// <remarks>
/// <para>From input to output, for channel i of a layer: k[i] = max|W[i]|, a[i] = max|activation| on samples, K and A their maxima over the channels,
/// c[i] = min(K / k[i], min(A / a[i], <see cref="MostScale"/>), max(A / |least value before the activation|, 1)); row i of W and b[i] times c[i], readers divided by c[i].
/// With <see cref="TwoSteps"/> first with K = max k[i] n[i] and A = max a[i] n[i], n[i] the part that channel i has in its readers' greatest weight, which shrinks channels that are large but hardly weighed.</para>
/// <para>Layers whose outputs are added share one c, the least of what each proposes, less a factor for each layer so that its least is 1. A branch of a concatenation is lifted as a whole until its
/// activations reach those of the largest branch. ReLU6 becomes Min(Relu(x), 6 c), and there c is 0.7 at least.</para>
/// <para>From: Meller, Finkelstein, Almog, Grobman 2019, Same, Same But Different, arXiv:1902.01917, sections 3 and 4, and Hailo's ParamsEqualizer. Channels without weights stay as they are.</para>
/// </remarks>
public sealed record WeightFactorization : IGraphPass, IDescribed
{
    private const double Nothing = 1e-4; // |ln c| below it changes nothing worth a rounding
    private const double LeastWithBound = 0.7;

    /// <inheritdoc/>
    public static MethodInfo Info { get; } = new("weight-factorization", "Weight factorization", "Meller et al. 2019, Same, Same But Different: Recovering Neural Network Quantization Error Through Weight Factorization, arXiv:1902.01917");

    /// <summary>Whether channels that are large but hardly weighed are shrunk first.</summary>
    public bool TwoSteps { get; init; }

    /// <summary>Whether activations limit the factors; without, no samples are needed, and readers' weights pay for it.</summary>
    public bool LimitActivations { get; init; } = true;

    /// <summary>Greatest factor that activations allow; a second run goes on where it was met.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Below 1.</exception>
    public double MostScale
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 1);
            field = value;
        }
    }

    = 16;

    /// <inheritdoc/>
    /// <remarks>With <see cref="LimitActivations"/> and no samples nothing changes. A second run goes on where layers share sums, since what reads them has changed.</remarks>
    public bool Apply(Graph graph, PassContext context)
    {
        if (LimitActivations && context.ChannelRanges is null)
        {
            return false;
        }

        List<ChannelBound> bounds = ChannelBound.Open(graph, context);
        var map = ChannelMap.Of(graph, context, shared: true);
        var activations = LimitActivations ? ActivationLimits.Learn(graph, map, context) : null;
        var scales = new ChannelScales(graph, map);
        HashSet<int> bounded = [.. bounds.SelectMany(b => map.Values.TryGetValue(b.Value, out ChannelsOfValue? at) ? at.Ids.Select(map.Root) : [])];
        FactorizedLayer[] layers = [.. FactorizedLayer.All(map)];
        if (TwoSteps)
        {
            Sweep(map, layers, scales, activations, bounded, dominance: true);
        }

        Sweep(map, layers, scales, activations, bounded, dominance: false);
        bool changed = scales.Greatest > Nothing;
        if (changed)
        {
            scales.Apply(context);
            context.Log.AddRange(layers.Where(l => l.Site.Ids.Any(id => scales[id] != 1)).Select(l => $"factorized the weights of '{l.Site.Node.Name}', {l.Site.Ids.Max(id => scales[id]):0.##} times at most"));
        }

        bounds.ForEach(b => b.CloseIfEqual(graph));
        return changed;
    }

    private void Sweep(ChannelMap map, FactorizedLayer[] layers, ChannelScales scales, ActivationLimits? activations, HashSet<int> bounded, bool dominance)
    {
        HashSet<int> done = [];
        foreach (FactorizedLayer layer in layers.Where(l => !done.Contains(map.Root(l.Site.Ids[0]))))
        {
            // layers that share a sum decide together
            FactorizedLayer[] together = [.. layers.Where(l => l.Site.Ids.Any(id => layer.Site.Ids.Any(own => map.Root(own) == map.Root(id))))];
            Dictionary<int, double> factors = [];
            foreach (FactorizedLayer one in together)
            {
                double[] proposal = one.Propose(map, scales, activations, dominance, MostScale);
                double least = together.Length > 1 ? proposal.Min() : 1;
                foreach ((int id, double factor) in one.Site.Ids.Zip(proposal))
                {
                    int root = map.Root(id);
                    factors[root] = Math.Min(factors.GetValueOrDefault(root, double.PositiveInfinity), factor / least);
                }
            }

            double lift = activations?.LiftOfBranch(map, scales, factors, MostScale) ?? 1;
            foreach ((int root, double factor) in factors)
            {
                scales[root] *= bounded.Contains(root) ? Math.Max(LeastWithBound, factor * lift) : factor * lift;
                done.Add(root);
            }
        }
    }
}
