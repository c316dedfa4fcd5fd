using System.Collections.Immutable;
using Halftone.Engine.Dense.Linear;
using Halftone.Onnx;

namespace Halftone.Engine.Compilation;

/// <summary>A convolution along one axis.</summary>
/// <param name="Kernel">Taps.</param>
/// <param name="Stride">Pixels from an output's window to the next.</param>
/// <param name="Dilation">Pixels from a tap to the next.</param>
/// <param name="Before">Padding before the first pixel.</param>
/// <param name="Input">Length of the input.</param>
/// <param name="Output">Length of the output.</param>
internal readonly record struct ConvAxis(int Kernel, int Stride, int Dilation, int Before, int Input, int Output)
{
    /// <summary>How far the last window reaches past the input.</summary>
    public int After => Math.Max(((Output - 1) * Stride) + ((Kernel - 1) * Dilation) - Before - (Input - 1), 0);

    /// <summary>The taps of an output's window that are on real pixels.</summary>
    public (int First, int End) Inside(int output) => Window.Inside((output * Stride) - Before, Kernel, Dilation, Input);
}

/// <summary>A convolution of one or two axes, all lengths known.</summary>
internal sealed record ConvGeometry(int Batch, int Channels, int Outputs, int Groups, ConvAxis Vertical, ConvAxis Horizontal)
{
    /// <summary>The border that windows read around the input.</summary>
    public Border Border => new(Vertical.Before, Horizontal.Before, Vertical.After, Horizontal.After);

    /// <summary>Whether every channel has a filter of its own and no other.</summary>
    public bool IsDepthwise => Groups == Channels && Outputs == Channels && Groups > 1;

    /// <summary>Reads a Conv node (or one like it); null for three axes and more, and for lengths that are out of the ordinary.</summary>
    /// <param name="node">The node, whose attributes count.</param>
    /// <param name="x">Lengths of the input.</param>
    /// <param name="w">Lengths of the weight.</param>
    /// <param name="y">Lengths of the output.</param>
    public static ConvGeometry? Of(Node node, ImmutableArray<int> x, ImmutableArray<int> w, ImmutableArray<int> y)
    {
        int axes = x.Length - 2;
        if (axes is not (1 or 2) || w.Length != x.Length || y.Any(d => d == 0))
        {
            return null;
        }

        ConvAxis last = Axis(node, x, w, y, axes - 1);
        ConvAxis first = axes == 2 ? Axis(node, x, w, y, 0) : new(1, 1, 1, 0, 1, 1);
        var geometry = new ConvGeometry(x[0], x[1], w[0], (int)node.Int("group", 1), first, last);
        return ImageShape.Of(x, geometry.Border).Bytes <= Dense.Lengths.MostBytes ? geometry : null;
    }

    private static ConvAxis Axis(Node node, ImmutableArray<int> x, ImmutableArray<int> w, ImmutableArray<int> y, int axis)
    {
        int Attribute(string name, int at, int missing) => node.Ints(name) is { } values ? (int)values[at] : missing;

        (int kernel, int stride, int dilation) = (w[axis + 2], Attribute("strides", axis, 1), Attribute("dilations", axis, 1));
        (int input, int output) = (x[axis + 2], y[axis + 2]);
        int total = Math.Max(((output - 1) * stride) + ((kernel - 1) * dilation) + 1 - input, 0);
        int before = node.Text("auto_pad", "NOTSET") switch
        {
            "SAME_UPPER" => total / 2,
            "SAME_LOWER" => (total + 1) / 2,
            "VALID" => 0,
            _ => Attribute("pads", axis, 0),
        };
        return new(kernel, stride, dilation, before, input, output);
    }
}
