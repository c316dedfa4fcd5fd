using Halftone.Onnx;
using Halftone.PostTraining.Calibration;

namespace Halftone.Engine.Bench.Layers;

/// <summary>Lengths of a convolution with square kernels and the same padding on all sides.</summary>
internal sealed record ConvShape(int Height, int Width, int Channels, int Outputs, int Kernel, int Stride, int Pad, int Groups)
{
    public int OutputHeight => ((Height + (2 * Pad) - Kernel) / Stride) + 1;

    public int OutputWidth => ((Width + (2 * Pad) - Kernel) / Stride) + 1;

    /// <summary>Whether every channel has a kernel of its own.</summary>
    public bool Depthwise => Groups > 1 && Groups == Channels;

    public long MultiplyAdds => (long)OutputHeight * OutputWidth * Outputs * (Channels / Groups) * Kernel * Kernel;

    public string Name => $"{Height}x{Width}x{Channels} {(Depthwise ? "depthwise" : $"to {Outputs}")} {Kernel}x{Kernel}{(Stride > 1 ? $"/{Stride}" : "")}";

    /// <summary>The distinct convolutions of a network.</summary>
    public static IEnumerable<ConvShape> Of(Model model, IReadOnlyDictionary<string, Tensor> inputs) => NodesOf(model, inputs).Select(n => n.Shape).Distinct();

    /// <summary>The convolutions of a network, by the name of their node.</summary>
    public static IEnumerable<(string Node, ConvShape Shape)> NodesOf(Model model, IReadOnlyDictionary<string, Tensor> inputs)
    {
        IReadOnlyDictionary<string, ObservedValue> values = Calibrator.Observe(model, inputs);
        return model.Graph.Nodes.Where(n => n.Is("Conv")).Select(n =>
        {
            int[] x = [.. values[n.Input(0)].Dims.Select(d => (int)d)];
            int[] w = [.. model.Graph.Constant(n.Input(1))!.Dims.Select(d => (int)d)];
            return (n.Name, new ConvShape(x[2], x[3], x[1], w[0], w[2], (int)n.Ints("strides")![0], (int)n.Ints("pads")![0], (int)n.Int("group", 1)));
        });
    }
}
