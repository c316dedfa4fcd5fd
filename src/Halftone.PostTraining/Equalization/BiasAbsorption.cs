using Halftone.Onnx;
using Halftone.Onnx.Passes;

namespace Halftone.PostTraining.Equalization;

/// <summary>Moves what nearly always passes a ReLU unchanged out of the bias before it and into the bias behind it, so that the values between have a smaller range.</summary>
/// <remarks>
/// <para>z = W2 Relu(W1 x + b1) + b2  =>  z = W2 Relu(W1 x + b1 - c) + b2 + (sum over the kernel of W2) c,  c = max(0, beta - Deviations |gamma|) for each channel, beta and gamma those of the
/// normalization folded into the first layer. Exact where W1 x + b1 >= c: of a normal distribution, for 3 deviations, 99.865 %.</para>
/// <para>From: Nagel et al. 2019, Data-Free Quantization through Weight Equalization and Bias Correction, arXiv:1906.04721, section 4.1.3, which says nothing of padding: where the second layer
/// pads with zeros, its sum at the border lacks c of the taps that fall outside, so such pairs are left alone unless <see cref="AcrossPadding"/> asks for them.</para>
/// </remarks>
public sealed record BiasAbsorption : ILayerRewrite, IDescribed
{
    /// <inheritdoc/>
    public static MethodInfo Info { get; } = new("bias-absorption", "Bias absorption", "Nagel et al. 2019, Data-Free Quantization through Weight Equalization and Bias Correction, arXiv:1906.04721");

    /// <summary>Standard deviations below the mean that must still pass the ReLU.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not above 0.</exception>
    public double Deviations
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfNegativeOrZero(value);
            field = value;
        }
    }

    = 3;

    /// <summary>Whether second layers that pad with zeros take part, which errs at the border.</summary>
    public bool AcrossPadding { get; init; }

    RewriteStage ILayerRewrite.Stage => RewriteStage.AfterPasses; // after equalization, which makes large biases

    /// <inheritdoc/>
    public bool Apply(Graph graph, PassContext context)
    {
        bool changed = false;
        foreach (EqualizedPair pair in ChannelMap.Of(graph, context, shared: false).Pairs().ToArray())
        {
            if (Takes(graph, pair) && context.BatchNorm.TryGetValue(pair.First.Name, out BatchNormMoments? moments) && moments.Mean.Length == pair.Makes.Ids.Length)
            {
                changed |= Absorb(graph, context, pair, moments);
            }
        }

        return changed;
    }

    private bool Absorb(Graph graph, PassContext context, EqualizedPair pair, BatchNormMoments moments)
    {
        double[] c = [.. moments.Mean.Zip(moments.Deviation, (beta, gamma) => Math.Max(0, beta - (Deviations * gamma)))];
        if (c.All(v => v == 0))
        {
            return false;
        }

        LinearLayer.Of(graph, pair.First)!.AddToBias(graph, Array.ConvertAll(c, v => -v));
        context.BatchNorm[pair.First.Name] = moments with { Mean = [.. moments.Mean.Zip(c, (beta, v) => (float)(beta - v))] };

        LinearLayer second = LinearLayer.Of(graph, pair.Second)!;
        Dictionary<int, double> absorbed = pair.Makes.Ids.Zip(c).ToDictionary(p => p.First, p => p.Second);
        second.AddToBias(graph, second.Apply(pair.Reads.Ids.Select(id => absorbed[id]).ToArray()));
        context.Log.Add($"absorbed biases of '{pair.First.Name}' in '{pair.Second.Name}': {c.Count(v => v > 0)} channels");
        return true;
    }

    private bool Takes(Graph graph, EqualizedPair pair) =>
        pair.Second.Op switch
        {
            "Conv" => AcrossPadding || !Pads(pair.Second),
            "Gemm" => pair.Second.Float("alpha", 1) == 1 && pair.Second.Float("beta", 1) == 1,
            _ => false, // MatMul takes no bias; a transposed convolution adds another number of taps at each place
        }
        && LinearLayer.Of(graph, pair.Second)!.OwnsBias(graph)
        && pair.Values.Length > 1
        && graph.Producer(pair.Values[1]) is { } bend && (bend.Is("Relu") || bend.Is("Clip")) && bend.Input(0) == pair.Values[0]
        && pair.Values.Skip(2).All(v => graph.Producer(v) is { } node && LetsShiftsThrough(node));

    private static bool LetsShiftsThrough(Node node) => node.Op switch
    {
        "Identity" or "Dropout" or "MaxPool" or "GlobalAveragePool" or "GlobalMaxPool" or "Flatten" or "Reshape" or "Transpose" or "Squeeze" or "ReduceMean" => true,
        "AveragePool" => node.Int("count_include_pad", 0) == 0 || !Pads(node),
        _ => false,
    };

    private static bool Pads(Node node) => node.Text("auto_pad", "NOTSET") is "SAME_UPPER" or "SAME_LOWER" || node.Ints("pads")?.Any(p => p != 0) == true;
}
