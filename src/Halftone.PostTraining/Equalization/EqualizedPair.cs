using System.Collections.Immutable;
using Halftone.Onnx;

namespace Halftone.PostTraining.Equalization;

/// <summary>Two layers with nothing between them but functions that let a positive scale of a channel through, each value read by the next alone.</summary>
/// <param name="First">Conv or Gemm; its outputs are scaled.</param>
/// <param name="Second">Conv or Gemm; its inputs are divided.</param>
/// <param name="Values">The values between them, in order.</param>
public sealed record EqualizedPair(Node First, Node Second, ImmutableArray<string> Values)
{
    /// <summary>The pair that starts at a node, or null.</summary>
    public static EqualizedPair? After(Graph graph, Node first)
    {
        if (!Owns(graph, first) || first.Op is not ("Conv" or "Gemm") || (first.Is("Gemm") && (first.Float("alpha", 1) != 1 || first.Float("beta", 1) != 1)))
        {
            return null;
        }

        List<string> values = [];
        Node at = first;
        while (true)
        {
            string value = at.Outputs[0];
            if (at.Outputs.Count != 1 || graph.IsOutput(value) || graph.Consumers(value) is not [Node next] || next.Input(0) != value || next.Inputs.Count(i => i == value) != 1 || next.CapturedNames.Contains(value))
            {
                return null;
            }

            values.Add(value);
            if (next.Op is "Conv" or "Gemm")
            {
                return next.Op == first.Op && Owns(graph, next) && Reads(graph, next) == graph.Constant(first.Input(1))!.Dims[OutputAxis(first)] ? new(first, next, [.. values]) : null;
            }

            if (!LetsThrough(graph, next))
            {
                return null;
            }

            at = next;
        }
    }

    /// <summary>max|w| of each channel over what the second layer weighs it with.</summary>
    public float[] GreatestWeights(Graph graph)
    {
        Tensor weight = graph.Constant(Second.Input(1))!;
        float[] values = weight.ToFloats();
        (int axis, int inner) = ChannelOf(Second, weight);
        int channels = (int)weight.Dims[axis];
        var greatest = new float[channels];
        for (int i = 0; i < values.Length; i++)
        {
            int channel = i / inner % channels;
            greatest[channel] = Math.Max(greatest[channel], Math.Abs(values[i]));
        }

        return greatest;
    }

    /// <summary>Scales the channels between the layers.</summary>
    public void Scale(Graph graph, float[] scales)
    {
        Tensor weight = graph.Constant(First.Input(1))!;
        graph.SetConstant(First.Input(1), Scaled(weight, OutputAxis(First), scales, inverse: false));
        if (First.Input(2).Length > 0)
        {
            graph.SetConstant(First.Input(2), Scaled(graph.Constant(First.Input(2))!, graph.Constant(First.Input(2))!.Dims.Length - 1, scales, inverse: false));
        }

        Tensor next = graph.Constant(Second.Input(1))!;
        graph.SetConstant(Second.Input(1), Scaled(next, ChannelOf(Second, next).Axis, scales, inverse: true));
    }

    private static Tensor Scaled(Tensor tensor, int axis, float[] scales, bool inverse)
    {
        float[] values = tensor.ToFloats();
        int inner = Inner(tensor, axis);
        for (int i = 0; i < values.Length; i++)
        {
            float scale = scales[i / inner % scales.Length];
            values[i] = inverse ? values[i] / scale : values[i] * scale;
        }

        return Tensor.Of(values, tensor.Dims.AsSpan());
    }

    // weights and bias are float constants that no other node reads
    private static bool Owns(Graph graph, Node node) =>
        node.Domain.Length == 0 && graph.Constant(node.Input(1)) is { Type: ElementType.Float, Dims.Length: >= 2 } && graph.Consumers(node.Input(1)).Count == 1
        && (node.Input(2).Length == 0 || (graph.Constant(node.Input(2)) is { Type: ElementType.Float, Dims.Length: 1 } && graph.Consumers(node.Input(2)).Count == 1))
        && (!node.Is("Gemm") || node.Int("transA", 0) == 0);

    private static bool LetsThrough(Graph graph, Node node) => node.Domain.Length == 0 && node.Op switch
    {
        "Relu" or "LeakyRelu" or "MaxPool" or "AveragePool" or "GlobalAveragePool" => true,
        "PRelu" => graph.Constant(node.Input(1)) is not null,
        _ => false,
    };

    private static int OutputAxis(Node node) => node.Is("Conv") || node.Int("transB", 0) != 0 ? 0 : 1;

    // channels that the layer reads; -1 where groups of several channels make that more than an axis of the weight
    private static long Reads(Graph graph, Node node)
    {
        Tensor weight = graph.Constant(node.Input(1))!;
        long groups = node.Is("Conv") ? node.Int("group", 1) : 1;
        return groups == 1 || IsDepthwise(node, weight) ? weight.Dims[ChannelOf(node, weight).Axis] : -1;
    }

    private static bool IsDepthwise(Node node, Tensor weight) => node.Int("group", 1) > 1 && weight.Dims[1] == 1 && weight.Dims[0] == node.Int("group", 1);

    // where the second layer's weight has the channel it reads
    private static (int Axis, int Inner) ChannelOf(Node node, Tensor weight)
    {
        int axis = node.Is("Conv") ? IsDepthwise(node, weight) ? 0 : 1 : node.Int("transB", 0) != 0 ? 1 : 0;
        return (axis, Inner(weight, axis));
    }

    private static int Inner(Tensor tensor, int axis)
    {
        int inner = 1;
        for (int i = axis + 1; i < tensor.Dims.Length; i++)
        {
            inner *= (int)tensor.Dims[i];
        }

        return inner;
    }
}
