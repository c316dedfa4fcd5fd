using Halftone.Engine.Kernels.Pointwise;
using Halftone.Onnx;

namespace Halftone.Engine.Compilation;

/// <summary>An activation of 8-bit codes behind a DequantizeLinear.</summary>
/// <param name="Codes">Name of the codes.</param>
/// <param name="Range">What they stand for, unsigned.</param>
internal readonly record struct Activation(string Codes, QuantizedRange Range);

/// <summary>What a quantized graph says in QuantizeLinear and DequantizeLinear nodes.</summary>
internal sealed class QuantizedView(TypedGraph typed)
{
    private Graph Graph => typed.Graph;

    /// <summary>The codes that a value is dequantized from, if they are 8 bits wide, of one scale, and not constant.</summary>
    public Activation? Activation(string name)
    {
        if (Graph.Producer(name) is not { } node || !node.Is("DequantizeLinear") || typed.Constant(node.Input(0)) is not null)
        {
            return null;
        }

        return Range(node.Input(0), node.Input(1), node.Input(2)) is { } range ? new(node.Input(0), range) : null;
    }

    /// <summary>Scale and zero point of 8-bit codes, unsigned; null where they are not of one scale that is known.</summary>
    public QuantizedRange? Range(string codes, string scale, string zeroPoint)
    {
        ElementType type = typed.Type(codes).Element;
        if (type is not (ElementType.UInt8 or ElementType.Int8) || typed.Constant(scale) is not { Count: 1, Type: ElementType.Float } s)
        {
            return null;
        }

        float value = s.As<float>()[0];
        if (!float.IsFinite(value) || value <= 0)
        {
            return null;
        }

        if (zeroPoint.Length == 0)
        {
            return new(value, (byte)(type == ElementType.Int8 ? 128 : 0));
        }

        if (typed.Constant(zeroPoint) is not { Count: 1 } z || z.Type != type)
        {
            return null;
        }

        return new(value, type == ElementType.Int8 ? (byte)(z.As<sbyte>()[0] + 128) : z.As<byte>()[0]);
    }

    /// <summary>The weight that a constant DequantizeLinear stands for, its channels along an axis; null where it is none.</summary>
    /// <param name="name">The dequantized value.</param>
    /// <param name="axis">The axis that may have a scale an index.</param>
    public Weights? Weights(string name, int axis)
    {
        if (Graph.Producer(name) is not { } node || !node.Is("DequantizeLinear") || node.Int("block_size", 0) != 0)
        {
            return null;
        }

        Tensor? scale = typed.Constant(node.Input(1));
        if (scale is { Count: > 1 })
        {
            long along = node.Int("axis", 1);
            int rank = typed.Type(name).Rank;
            if ((along < 0 ? along + rank : along) != axis)
            {
                return null;
            }
        }

        Tensor? zeroPoint = node.Input(2).Length == 0 ? null : typed.Constant(node.Input(2));
        return Compilation.Weights.Of(typed.Constant(node.Input(0)), scale, zeroPoint, node.Input(2).Length > 0, axis, Graph.Constant(node.Input(0))?.Type.Bits() ?? 8);
    }

    /// <summary>The only node that reads a value, or null where there are others or it is an output of the model.</summary>
    public Node? OnlyReader(string name) => !Graph.IsOutput(name) && Graph.Consumers(name) is [var one] && one.CapturedNames.Length == 0 ? one : null;

    /// <summary>
    /// Bias of a product in units of the sums: the codes as they are where their scale is that of the products, else the nearest. Null where it is not constant.
    /// </summary>
    /// <param name="name">The bias; empty for none.</param>
    /// <param name="channels">Its length.</param>
    /// <param name="input">Scale of the input.</param>
    /// <param name="weight">Scale of a channel's weights.</param>
    public int[]? Bias(string name, int channels, float input, Func<int, float> weight)
    {
        const double Same = 1e-4; // relative: exporters compute the product of two scales in floats
        var bias = new int[channels];
        if (name.Length == 0)
        {
            return bias;
        }

        if (DequantizedBias(name, channels) is var (codes, scales)
            && Enumerable.Range(0, channels).All(i => (double)input * weight(i) is var product && Math.Abs(scales[scales.Length == 1 ? 0 : i] - product) <= Same * product))
        {
            return codes;
        }

        if (BiasNumbers(name, channels) is not { } values)
        {
            return null;
        }

        for (int i = 0; i < channels; i++)
        {
            double code = Math.Round(values[i] / ((double)input * weight(i)));
            if (!(Math.Abs(code) < int.MaxValue))
            {
                return null;
            }

            bias[i] = (int)code;
        }

        return bias;
    }

    /// <summary>The numbers of a bias; null where it is not constant.</summary>
    /// <param name="name">The bias; empty for none.</param>
    /// <param name="channels">Its length.</param>
    public float[]? BiasNumbers(string name, int channels)
    {
        if (name.Length == 0)
        {
            return new float[channels];
        }

        return DequantizedBias(name, channels) is var (codes, scales) ? [.. codes.Select((c, i) => c * scales[scales.Length == 1 ? 0 : i])]
            : typed.Constant(name) is { Type: ElementType.Float } constant && constant.Count == channels ? constant.ToFloats() : null;
    }

    private (int[] Codes, float[] Scales)? DequantizedBias(string name, int channels) =>
        Graph.Producer(name) is { } node && node.Is("DequantizeLinear") && typed.Constant(node.Input(0)) is { Type: ElementType.Int32 } codes
        && typed.Constant(node.Input(1)) is { Type: ElementType.Float } scales && codes.Count == channels && (scales.Count == 1 || scales.Count == channels)
        && (node.Input(2).Length == 0 || (typed.Constant(node.Input(2)) is { } zero && zero.ToInt64s().All(z => z == 0)))
            ? (codes.As<int>().ToArray(), scales.ToFloats()) : null;
}
