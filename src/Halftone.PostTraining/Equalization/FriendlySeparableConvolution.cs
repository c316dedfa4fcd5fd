using Halftone.Onnx;
using Halftone.Onnx.Passes;

namespace Halftone.PostTraining.Equalization;

/// <summary>Keeps depthwise channels that hardly vary from setting the range of all weights: their variance becomes that of the others before normalization is folded; and ReLU6 becomes ReLU.</summary>
/// <remarks>
/// <para>A depthwise channel whose output is (almost) constant has a variance near 0, so its folded factor gamma / sqrt(variance + epsilon) is huge, and with one scale for a tensor it takes the codes of all
/// others. y = BatchNormalization(DepthwiseConv(x), variance)  =>  the same with variance[c] = mean of the other channels' variances where variance[c] is below <see cref="NearZero"/> times their median.
/// What such a channel adds to its shift beta grows smaller; that it was next to nothing is why this can be done.</para>
/// <para>From: Sheng et al. 2018, A Quantization-Friendly Separable Convolution for MobileNets, arXiv:1803.08607, sections 3 and 4, whose own remedy, normalization removed from the depthwise part, needs training;
/// this is its patch for trained networks.</para>
/// </remarks>
public sealed record FriendlySeparableConvolution : ILayerRewrite, IDescribed
{
    /// <inheritdoc/>
    public static MethodInfo Info { get; } = new("quantization-friendly-separable-convolution", "Quantization-friendly separable convolution", "Sheng et al. 2018, A Quantization-Friendly Separable Convolution for MobileNets, arXiv:1803.08607");

    /// <summary>A variance below this share of the channels' median counts as zero.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not between 0 and 1.</exception>
    public double NearZero
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 0);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(value, 1);
            field = value;
        }
    }

    = 1e-3;

    RewriteStage ILayerRewrite.Stage => RewriteStage.Original; // once normalization is folded, nobody knows its variance

    /// <inheritdoc/>
    public bool Apply(Graph graph, PassContext context)
    {
        // parameters may still stand behind nodes
        new ConstantsToInitializers().Apply(graph, context);
        new RemoveIdentity().Apply(graph, context);
        bool changed = false;
        foreach (Node norm in graph.Nodes.Where(n => n.Is("BatchNormalization")))
        {
            if (graph.Producer(norm.Input(0)) is { } conv && conv.Is("Conv") && graph.Constant(conv.Input(1)) is { Dims: [> 1, 1, ..] } weight && conv.Int("group", 1) == weight.Dims[0]
                && graph.Constant(norm.Input(4)) is { Type: ElementType.Float } variance && variance.Count == weight.Dims[0])
            {
                changed |= Repair(graph, context, norm, variance);
            }
        }

        return new Relu6ToRelu().Apply(graph, context) || changed;
    }

    private bool Repair(Graph graph, PassContext context, Node norm, Tensor variance)
    {
        float[] values = variance.ToFloats();
        float[] sorted = [.. values.Order()];
        double median = sorted[sorted.Length / 2];
        float[] others = [.. values.Where(v => v > NearZero * median)];
        if (others.Length is 0 || others.Length == values.Length)
        {
            return false;
        }

        float mean = others.Average();
        graph.SetInput(norm, 4, graph.AddConstant($"{norm.Input(4)}_repaired", Tensor.Of([.. values.Select(v => v > NearZero * median ? v : mean)], values.Length)));
        context.Log.Add($"'{norm.Name}': {values.Length - others.Length} of {values.Length} depthwise channels hardly vary and take the others' mean variance");
        return true;
    }
}
