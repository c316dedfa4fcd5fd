using Halftone.Engine.Steps;
using Halftone.Onnx;

namespace Halftone.Engine.Tests.Units;

/// <summary>Quantized transposed convolutions against ONNX Runtime's float ones between the same quantizers.</summary>
public sealed class ConvTransposeTests
{
    private static readonly Gen<(int Seed, int Channels, int Outputs, int Groups)> s_lengths = Gen.Select(Gen.Int[0, 1_000_000], Gen.Int[1, 9], Gen.Int[1, 20], Gen.Int[1, 3]);

    private static readonly Gen<(int Kernel, int Stride, int Dilation)> s_axis = Gen.Select(Gen.Int[1, 4], Gen.Int[1, 3], Gen.Int[1, 3]);

    [Fact]
    public void Two_axes() => Gen.Select(s_lengths, s_axis, s_axis, Gen.Int[0, 7]).Sample(
        (lengths, v, h, extra) => Run(lengths, [v, h], extra, depthwise: false), iter: 15);

    [Fact]
    public void One_axis() => Gen.Select(s_lengths, s_axis, Gen.Int[0, 7]).Sample(
        (lengths, h, extra) => Run(lengths, [h], extra, depthwise: false), iter: 20);

    [Fact]
    public void Depthwise() => Gen.Select(s_lengths, s_axis, s_axis, Gen.Int[0, 7]).Sample(
        (lengths, v, h, extra) => Run(lengths, [v, h], extra, depthwise: true), iter: 10);

    /// <summary>Strides so long that every output sees other taps are no convolutions, and cost no kernel each.</summary>
    [Fact]
    public void Long_strides()
    {
        var model = new QdqModel(3, new Dictionary<string, long[]> { ["x"] = [1, 2, 2, 3] }, "y");
        model.Node("ConvTranspose", [model.Qdq("x", 2f / 127, 100, false), model.Weight(1, false, 2, 3, 2, 2)], "sums").With("strides", [2L, 2000]);
        model.Quantize("sums", 0.05f, 7, false, "y");
        UnitRun.Check(model.Model, model.Inputs, "ConvTranspose", null);
        using var session = EngineSession.Load(model.Model);
        Assert.InRange(session.RecentPlan!.Steps.Length, 1, 10);
    }

    private static void Run((int Seed, int Channels, int Outputs, int Groups) lengths, (int Kernel, int Stride, int Dilation)[] axes, int extra, bool depthwise)
    {
        (int seed, int channels, int outputs, int groups) = lengths;
        if (depthwise)
        {
            (groups, channels, outputs) = (2 + (seed % 40), 1, 1);
        }

        // ONNX Runtime wants an output padding below the stride
        long[] input = [.. axes.Select((_, i) => 2L + ((seed >> i) % 7))];
        long[] pads = [.. axes.Select(a => (long)Math.Min(seed % 3, a.Kernel - 1)), .. axes.Select(a => (long)Math.Min(extra % 3, (a.Kernel - 1) * a.Dilation / 2))];
        long[] padding = [.. axes.Select(a => (long)(extra % 2 == 0 ? 0 : a.Stride - 1))];
        long[] x = [1 + (seed % 2), groups * channels, .. input];
        var model = new QdqModel(seed, new Dictionary<string, long[]> { ["x"] = x }, "y");
        bool signed = seed % 2 == 0;
        string activation = model.Qdq("x", 2f / 127, seed % 5 == 0 ? 0 : 100 + (seed % 60), signed);
        bool unsigned = !depthwise && seed % 4 == 3; // weights of two passes
        bool single = groups > 1 && channels == 1 && outputs == 1;
        string weight = model.Weight(seed % 3 == 0 ? 1 : null, unsigned, [groups * channels, outputs, .. axes.Select(a => (long)a.Kernel)]);
        string[] inputs = extra < 4 ? [activation, weight] : [activation, weight, model.Constant("b", Dense.RandomTensors.Floats(seed, groups * outputs))];
        Node node = model.Node("ConvTranspose", inputs, "sums");
        node.With("group", groups).With("strides", axes.Select(a => (long)a.Stride)).With("dilations", axes.Select(a => (long)a.Dilation)).With("pads", pads).With("output_padding", padding);
        string before = "sums";
        if (extra % 3 == 2)
        {
            model.Node("Relu", ["sums"], "relu");
            before = "relu";
        }

        model.Quantize(before, 0.05f, signed ? 120 : 7, signed, "y");
        UnitRun.Check(model.Model, model.Inputs, "ConvTranspose", !single ? typeof(ProductStep) : unsigned ? null : typeof(DepthwiseStep));
    }
}
