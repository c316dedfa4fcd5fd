using Halftone.Onnx;
using Halftone.Weights;

namespace Halftone.PostTraining.Plans;

/// <summary>The one place that knows the axes of a weight from its operator.</summary>
public static class WeightViews
{
    /// <summary>The weight at an input of a node, its axes declared.</summary>
    /// <exception cref="ModelException">The weight is not finite, or too large to work on.</exception>
    public static WeightView Of(Node node, Tensor tensor)
    {
        if (tensor.Count > int.MaxValue)
        {
            throw new ModelException($"The weight of '{node.Name}' has {tensor.Count} elements, more than can be worked on at once.");
        }

        float[] values = tensor.ToFloats();
        int bad = Array.FindIndex(values, v => !float.IsFinite(v));
        if (bad >= 0)
        {
            throw new ModelException($"The weight of node '{node.Name}' is {values[bad]} at element {bad}: it cannot be quantized. Repair the model, or keep the node float.");
        }

        WeightAxes axes = Axes(node, tensor.Dims.Length);
        return new WeightView(axes.Kind, [.. tensor.Dims.Select(d => checked((int)d))], axes.Output, axes.Input, axes.Groups, values);
    }

    /// <summary>The axes of a weight at its node.</summary>
    public static WeightAxes Axes(Node node, int rank)
    {
        (WeightKind kind, int output, int input) = node.Op switch
        {
            "Conv" => (WeightKind.Conv, 0, 1),
            "ConvTranspose" => (WeightKind.ConvTranspose, 1, 0),
            "Gather" => (WeightKind.Gather, 0, 1),
            "Gemm" when node.Int("transB", 0) != 0 => (WeightKind.MatMul, 0, 1),
            _ => (WeightKind.MatMul, rank - 1, rank - 2),
        };
        return new WeightAxes(kind, output, input, (int)node.Int("group", 1));
    }
}

/// <summary>What the indices of a weight mean.</summary>
/// <param name="Kind">What the weight is to its node.</param>
/// <param name="Output">The axis of output channels.</param>
/// <param name="Input">The axis that is summed over.</param>
/// <param name="Groups">1, or the groups of a convolution.</param>
public readonly record struct WeightAxes(WeightKind Kind, int Output, int Input, int Groups);
