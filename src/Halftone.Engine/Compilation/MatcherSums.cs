using System.Collections.Immutable;
using Halftone.Onnx;

namespace Halftone.Engine.Compilation;

/// <summary>Dynamic quantization: integer products whose scales and zero points come about at run time, and what makes floats of their sums.</summary>
internal sealed partial class Matcher
{
    /// <summary>MatMulInteger or ConvInteger by itself.</summary>
    private SumsUnit? IntegerSums(Node node) => Sums(node, node, node.Output(0), "", "");

    /// <summary>Cast of integer sums times scales.</summary>
    private SumsUnit? ScaledSums(Node multiply) => Scaled(multiply, multiply, multiply.Output(0), "");

    /// <summary>Scaled sums and a bias.</summary>
    private SumsUnit? BiasedSums(Node add) => Scaled(add, 0) ?? Scaled(add, 1);

    private SumsUnit? Scaled(Node add, int scaled) =>
        Graph.Producer(add.Input(scaled)) is { } multiply && multiply.Is("Mul") && _view.OnlyReader(add.Input(scaled)) is not null
            ? Scaled(add, multiply, add.Output(0), add.Input(1 - scaled)) : null;

    private SumsUnit? Scaled(Node named, Node multiply, string output, string bias)
    {
        for (int i = 0; i < 2; i++)
        {
            if (Graph.Producer(multiply.Input(i)) is { } cast && cast.Is("Cast") && cast.Int("to", 0) == (long)ElementType.Float && _view.OnlyReader(multiply.Input(i)) is not null
                && Graph.Producer(cast.Input(0)) is { } integer && (integer.Is("MatMulInteger") || integer.Is("ConvInteger")) && _view.OnlyReader(cast.Input(0)) is not null)
            {
                return Sums(named, integer, output, multiply.Input(1 - i), bias);
            }
        }

        return null;
    }

    /// <summary>The unit of an integer product.</summary>
    /// <param name="named">The last of the nodes.</param>
    /// <param name="integer">The product.</param>
    /// <param name="output">What the last one makes.</param>
    /// <param name="scales">The scales, or empty.</param>
    /// <param name="bias">The bias, or empty.</param>
    private SumsUnit? Sums(Node named, Node integer, string output, string scales, string bias)
    {
        bool conv = integer.Is("ConvInteger");
        ImmutableArray<int> y = typed.Type(output).Dims;
        if (!y.SequenceEqual(typed.Type(integer.Output(0)).Dims) || y.Any(d => d == 0) || y.Length < 2
            || !FitsChannels(scales, y, conv ? 1 : y.Length - 1) || !FitsChannels(bias, y, conv ? 1 : y.Length - 1)
            || IntegerWeights(integer, 3, conv ? 0 : 1) is not { } weights || ZeroPoint(integer.Input(0), integer.Input(2)) is not { } zero)
        {
            return null;
        }

        ConvGeometry? geometry = null;
        if (conv && ((geometry = ConvGeometry.Of(integer, typed.Type(integer.Input(0)).Dims, typed.Type(integer.Input(1)).Dims, y)) is null
            || !MayPad(integer.Input(0), geometry.Border, (zero.Code ?? 0, zero.Name))))
        {
            return null;
        }

        return !conv && MatrixShape(integer) is null ? null : new()
        {
            Node = named,
            Input = integer.Input(0),
            ZeroPoint = zero.Code,
            ZeroName = zero.Name,
            Weights = weights,
            Geometry = geometry,
            Shape = conv ? default : MatrixShape(integer)!.Value,
            Output = output,
            Scales = scales,
            Bias = bias,
        };
    }

    private SumsUnit? MatMulIntegerToFloat(Node node)
    {
        ImmutableArray<int> y = typed.Type(node.Output(0)).Dims;
        if (MatrixShape(node) is not { } shape || y.Any(d => d == 0) || IntegerWeights(node, 5, 1) is not { } weights || ZeroPoint(node.Input(0), node.Input(4)) is not { } zero
            || typed.Type(node.Input(2)).Count != 1 || !FitsChannels(node.Input(3), y, y.Length - 1) || !FitsChannels(node.Input(6), y, y.Length - 1))
        {
            return null;
        }

        return new()
        {
            Node = node,
            Input = node.Input(0),
            ZeroPoint = zero.Code,
            ZeroName = zero.Name,
            Weights = weights,
            Shape = shape,
            Output = node.Output(0),
            Factor = node.Input(2),
            Scales = node.Input(3),
            Bias = node.Input(6),
        };
    }

    private SumsUnit? DynamicQuantizeMatMul(Node node)
    {
        ImmutableArray<int> y = typed.Type(node.Output(0)).Dims;
        if (MatrixShape(node) is not { } shape || y.Any(d => d == 0) || (long)shape.Rows * shape.Depth > Array.MaxLength || IntegerWeights(node, 3, 1) is not { } weights
            || !FitsChannels(node.Input(2), y, y.Length - 1) || !FitsChannels(node.Input(4), y, y.Length - 1))
        {
            return null;
        }

        return new()
        {
            Node = node,
            Input = node.Input(0),
            QuantizesInput = true,
            ZeroPoint = null,
            Weights = weights,
            Shape = shape,
            Output = node.Output(0),
            Scales = node.Input(2),
            Bias = node.Input(4),
        };
    }

    /// <summary>Rows, depth and channels of a product whose right operand is one matrix; null of others.</summary>
    private (int Rows, int Depth, int Channels)? MatrixShape(Node node)
    {
        (ImmutableArray<int> a, ImmutableArray<int> b) = (typed.Type(node.Input(0)).Dims, typed.Type(node.Input(1)).Dims);
        return a.Length >= 2 && b.Length == 2 && b[0] > 0 ? (a[..^1].Aggregate(1, (p, d) => p * d), b[0], b[1]) : null;
    }

    private Weights? IntegerWeights(Node node, int zeroPoint, int axis) =>
        Weights.Of(
            typed.Constant(node.Input(1)), Tensor.Scalar(1f), node.Input(zeroPoint).Length == 0 ? null : typed.Constant(node.Input(zeroPoint)), node.Input(zeroPoint).Length > 0, axis);

    /// <summary>The zero point of 8-bit codes, unsigned, or the name of one that is known at run time only; null where there are several.</summary>
    private (byte? Code, string Name)? ZeroPoint(string codes, string zeroPoint)
    {
        byte lift = typed.Type(codes).Element == ElementType.Int8 ? (byte)128 : (byte)0;
        if (zeroPoint.Length == 0)
        {
            return (lift, "");
        }

        if (typed.Type(zeroPoint).Count != 1)
        {
            return null;
        }

        return typed.Constant(zeroPoint) is { } constant ? ((byte)(constant.Bytes[0] ^ lift), "") : (null, zeroPoint);
    }

    /// <summary>Whether a float value is one number, or one for each channel, in a way that broadcasts; or is left out.</summary>
    private bool FitsChannels(string name, ImmutableArray<int> y, int axis)
    {
        if (name.Length == 0)
        {
            return true;
        }

        (ElementType element, ImmutableArray<int> dims) = (typed.Type(name).Element, typed.Type(name).Dims);
        int at = axis - (y.Length - dims.Length);
        return element == ElementType.Float && dims.Length <= y.Length
            && (dims.All(d => d == 1) || (at >= 0 && dims[at] == y[axis] && dims.Where((d, i) => i != at).All(d => d == 1)));
    }
}
