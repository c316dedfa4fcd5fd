using System.Collections.Immutable;
using Halftone.Onnx;

namespace Halftone.Engine.Compilation;

/// <summary>Every so many outputs of a transposed convolution along an axis: a convolution of stride 1, since they all see the same taps.</summary>
/// <param name="FirstOutput">The first of the outputs; the next are a stride apart.</param>
/// <param name="Outputs">How many.</param>
/// <param name="Taps">The taps they see, in the order of the pixels; none where only the bias is left.</param>
/// <param name="FirstPixel">The pixel that the first output sees through the first tap; before the image where negative.</param>
/// <param name="Spacing">Pixels from a tap to the next.</param>
internal readonly record struct AxisPhase(int FirstOutput, int Outputs, ImmutableArray<int> Taps, int FirstPixel, int Spacing)
{
    /// <summary>Pixels looked at for an output; one, whose weights are zero, where there are no taps.</summary>
    public int Window => Math.Max(Taps.Length, 1);

    /// <summary>How far the last window reaches past an image of so many pixels.</summary>
    public int After(int input) => Math.Max(FirstPixel + ((Window - 1) * Spacing) + Outputs - input, 0);
}

/// <summary>A transposed convolution along one axis: output o sees pixel i through tap k where o + Before = i * Stride + k * Dilation.</summary>
internal readonly record struct TransposedAxis(int Kernel, int Stride, int Dilation, int Before, int Input, int Output)
{
    /// <summary>Outputs that see different taps.</summary>
    public int PhaseCount => Math.Min(Stride, Output);

    /// <summary>All outputs, by the taps they see.</summary>
    public IEnumerable<AxisPhase> Phases => Enumerable.Range(0, PhaseCount).Select(Phase);

    private AxisPhase Phase(int first)
    {
        TransposedAxis axis = this;
        int at = first + Before;
        ImmutableArray<int> taps = [.. Enumerable.Range(0, Kernel).Reverse().Where(k => (at - (k * axis.Dilation)) % axis.Stride == 0)];
        int pixel = taps.IsEmpty ? 0 : (at - (taps[0] * Dilation)) / Stride;
        return new(first, (Output - first + Stride - 1) / Stride, taps, pixel, Dilation / (int)System.Numerics.BigInteger.GreatestCommonDivisor(Stride, Dilation));
    }
}

/// <summary>A transposed convolution of one or two axes, all lengths known.</summary>
internal sealed record TransposedGeometry(int Batch, int Channels, int Outputs, int Groups, TransposedAxis Vertical, TransposedAxis Horizontal)
{
    /// <summary>The border that windows read around the input.</summary>
    public Border Border => new(
        Vertical.Phases.Max(p => Math.Max(-p.FirstPixel, 0)),
        Horizontal.Phases.Max(p => Math.Max(-p.FirstPixel, 0)),
        Vertical.Phases.Max(p => p.After(Vertical.Input)),
        Horizontal.Phases.Max(p => p.After(Horizontal.Input)));

    // each is a convolution with a kernel of its own; strides of 32 have as many
    private const int MostPhases = 32 * 32;

    /// <summary>Whether every channel has a filter of its own and no other.</summary>
    public bool IsDepthwise => Groups == Channels && Outputs == Channels && Groups > 1;

    /// <summary>Reads a ConvTranspose node; null for three axes and more, and for lengths that are out of the ordinary.</summary>
    /// <param name="node">The node, whose attributes count.</param>
    /// <param name="x">Lengths of the input.</param>
    /// <param name="w">Lengths of the weight.</param>
    /// <param name="y">Lengths of the output.</param>
    public static TransposedGeometry? Of(Node node, ImmutableArray<int> x, ImmutableArray<int> w, ImmutableArray<int> y)
    {
        int axes = x.Length - 2;
        if (axes is not (1 or 2) || w.Length != x.Length || x.Any(d => d == 0) || y.Any(d => d == 0) || node.Ints("pads") is { } pads && pads.Any(p => p < 0))
        {
            return null;
        }

        TransposedAxis last = Axis(node, x, w, y, axes - 1);
        TransposedAxis first = axes == 2 ? Axis(node, x, w, y, 0) : new(1, 1, 1, 0, 1, 1);
        return (long)first.PhaseCount * last.PhaseCount > MostPhases ? null : new(x[0], x[1], y[1], (int)node.Int("group", 1), first, last);
    }

    private static TransposedAxis Axis(Node node, ImmutableArray<int> x, ImmutableArray<int> w, ImmutableArray<int> y, int axis)
    {
        int Attribute(string name, int missing) => node.Ints(name) is { } values ? (int)values[axis] : missing;

        (int kernel, int stride, int dilation) = (w[axis + 2], Attribute("strides", 1), Attribute("dilations", 1));
        (int input, int output) = (x[axis + 2], y[axis + 2]);
        string auto = node.Text("auto_pad", "NOTSET");
        int before = auto == "VALID" ? 0 : Attribute("pads", 0);
        if (node.Has("output_shape") || auto is "SAME_UPPER" or "SAME_LOWER")
        {
            int full = ((input - 1) * stride) + Attribute("output_padding", 0) + ((kernel - 1) * dilation) + 1;
            int total = Math.Max(full - output, 0);
            before = auto == "SAME_UPPER" ? total / 2 : total - (total / 2);
        }

        return new(kernel, stride, dilation, before, input, output);
    }
}
