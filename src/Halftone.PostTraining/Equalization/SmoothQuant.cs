using Halftone.Onnx;
using Halftone.Onnx.Passes;

namespace Halftone.PostTraining.Equalization;

/// <summary>Moves the outliers of activations into the weights that read them, so that both quantize; what the network computes stays the same.</summary>
/// <remarks>
/// <para>Y = X W = (X diag(s)^-1) (diag(s) W), s[j] = max|X[j]|^alpha / max|W[j]|^(1 - alpha) for each input channel j, over all layers that read X. The division goes into the normalization
/// (gamma and beta) or the layer that makes X; where neither can take it, the layers stay as they are.</para>
/// <para>From: Xiao et al. 2022, SmoothQuant: Accurate and Efficient Post-Training Quantization for Large Language Models, arXiv:2211.10438, equation 4.</para>
/// </remarks>
public sealed record SmoothQuant : IGraphPass, IDescribed
{
    private const double Nothing = 1e-4; // |ln s| below it changes nothing worth a rounding
    private const double Smallest = 1e-5; // of s and the maxima, as in the reference implementation

    /// <inheritdoc/>
    public static MethodInfo Info { get; } = new("smooth-quant", "SmoothQuant", "Xiao et al. 2022, SmoothQuant: Accurate and Efficient Post-Training Quantization for Large Language Models, arXiv:2211.10438");

    /// <summary>alpha: the part of the difficulty that goes into the weights. The paper takes 0.75 to 0.85 where activations are harder.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not between 0 and 1.</exception>
    public double Strength
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(value, 1);
            field = value;
        }
    }

    = 0.5;

    /// <inheritdoc/>
    /// <remarks>Without samples nothing changes.</remarks>
    public bool Apply(Graph graph, PassContext context)
    {
        var map = ChannelMap.Of(graph, context, shared: false);
        ScaledInputs[] all = [.. ScaledInputs.All(graph, map).Where(g => g.Ids is not null)];
        if (all.Length == 0 || context.ChannelRanges is not { } learn)
        {
            return false;
        }

        Dictionary<string, ChannelRanges> ranges = learn([.. all.Select(g => new ChannelAxis(g.Value, g.Axis))]);
        var scales = new ChannelScales(graph, map);
        foreach (ScaledInputs group in all)
        {
            double[] weights = new double[group.Channels];
            foreach (LinearLayer layer in group.Layers)
            {
                double[] own = scales.Magnitudes(map.Divided.Find(s => s.Node == layer.Node)!);
                weights = [.. weights.Zip(own, Math.Max)];
            }

            float[] activations = ranges[group.Value].Magnitude;
            for (int j = 0; j < group.Channels; j++)
            {
                // a channel that is never anything but zero has nothing to move, nor has one that nobody weighs
                if (activations[j] > 0 && weights[j] > 0 && float.IsFinite(activations[j]))
                {
                    scales[group.Ids![j]] /= Math.Max(Smallest, Math.Pow(Math.Max(Smallest, activations[j] * scales[group.Ids[j]]), Strength) / Math.Pow(Math.Max(Smallest, weights[j]), 1 - Strength));
                }
            }
        }

        if (scales.Greatest < Nothing)
        {
            return false;
        }

        scales.Apply(context);
        context.Log.AddRange(all.Select(g => $"smoothed '{g.Value}' for {string.Join(", ", g.Layers.Select(l => $"'{l.Node.Name}'"))}"));
        return true;
    }
}
