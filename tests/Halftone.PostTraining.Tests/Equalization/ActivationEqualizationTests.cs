using Halftone.Data;
using Halftone.Onnx;
using Halftone.Onnx.Passes;
using Halftone.PostTraining.Calibration;
using Halftone.PostTraining.Equalization;

namespace Halftone.PostTraining.Tests.Equalization;

public sealed class ActivationEqualizationTests
{
    [Theory]
    [InlineData("fashion_resnet")]
    [InlineData("fashion_mobilenet")]
    public void Bundled_networks_compute_the_same(string name)
    {
        Model model = FashionSamples.Load(name);
        StandardPasses.Apply(model, new PassContext());
        RequireSame(model, FashionSamples.Calibration(32), anyPair: name == "fashion_resnet"); // ReLU6 lets no scale through
    }

    [Theory]
    [InlineData("Relu")]
    [InlineData("PRelu")]
    [InlineData("LeakyRelu")]
    [InlineData("MaxPool")]
    [InlineData("none")]
    public void Layers_with_what_lets_a_scale_through_compute_the_same_and_use_their_range_alike(string between)
    {
        Net net = Chain(between);
        var data = new SeededData(net.Model.Graph.Inputs, 8);
        (double before, double after) = RequireSame(net.Model, data, anyPair: true);
        Assert.True(after < 0.5 * before, $"the widest channel is {before:F1} times the narrowest before, {after:F1} times after");
    }

    [Fact]
    public void Maxima_are_those_of_brute_force_however_little_memory_there_is()
    {
        Net net = Chain("Relu");
        var data = new SeededData(net.Model.Graph.Inputs, 6);
        var expected = new float[6];
        foreach (Batch batch in Batches.Of(data, null, 1, new SkippedFiles()))
        {
            net.Graph.ExposeOutput("b");
            float[] values = Fidelity.Run(net.Model, batch.Inputs)["b"].ToFloats();
            for (int i = 0; i < values.Length; i++)
            {
                expected[i / 64] = Math.Max(expected[i / 64], Math.Abs(values[i]));
            }
        }

        foreach (long memory in new[] { 1L, 4000, 1L << 30 })
        {
            var observed = Calibrator.Observe(net.Model, data.Read(0).Inputs);
            float[] found = LearnedRanges.Of(net.Model, [new("a", 1), new("b", -3)], observed, data, new CalibrationOptions { Memory = memory }, CancellationToken.None)["b"].Magnitude;
            Assert.All(expected.Zip(found), m => Assert.Equal(m.First, m.Second, 1e-5 * m.First)); // optimized kernels round otherwise
        }
    }

    [Fact]
    public void Depthwise_layers_take_part_on_both_sides()
    {
        var net = new Net([1, 3, 8, 8]);
        net.Conv("x", "a", 8, 3);
        net.Op("Relu", ["a"], "b");
        net.Conv("b", "c", 8, 8, group: 8);
        net.Op("Relu", ["c"], "d");
        net.Conv("d", "y", 4, 8);
        Assert.Equal(["n_a", "n_c"], ActivationEqualization.Pairs(net.Graph, new PassContext()).Select(p => p.First.Name));
        RequireSame(net.Model, new SeededData(net.Model.Graph.Inputs, 8), anyPair: true);
    }

    [Theory]
    [InlineData("Sigmoid")] // no scale goes through
    [InlineData("shared weight")]
    [InlineData("read twice")]
    public void Other_layers_are_left_alone(string why)
    {
        var net = new Net([1, 4, 8, 8]);
        net.Conv("x", "a", 4, 4);
        string middle = net.Op(why == "Sigmoid" ? "Sigmoid" : "Relu", ["a"], "b");
        if (why == "shared weight")
        {
            net.Op("Conv", [middle, "w_a"], "y", n => n.With("pads", [1L, 1, 1, 1]));
        }
        else
        {
            net.Conv(middle, why == "read twice" ? "c" : "y", 4, 4);
        }

        if (why == "read twice")
        {
            net.Op("Add", ["b", "c"], "y");
        }

        Assert.Empty(ActivationEqualization.Pairs(net.Graph, new PassContext()));
    }

    // one channel far wider than the rest, which the next layer weighs little, as training leaves them
    private static Net Chain(string between)
    {
        var net = new Net([1, 3, 8, 8]);
        net.Conv("x", "a", 6, 3);
        Scale(net, "w_a", channel: 0, by: 20, outputs: true);
        string middle = between switch
        {
            "none" => "a",
            "PRelu" => net.Op("PRelu", ["a", net.Constant("slopes", 0.3f, 6, 1, 1)], "b"),
            "MaxPool" => net.Op("MaxPool", ["a"], "b", n => n.With("kernel_shape", [2L, 2])),
            _ => net.Op(between, ["a"], "b"),
        };
        net.Conv(middle, "y", 4, 6);
        Scale(net, "w_y", channel: 0, by: 1 / 20f, outputs: false);
        return net;
    }

    private static void Scale(Net net, string weight, int channel, float by, bool outputs)
    {
        Tensor tensor = net.Graph.Constant(weight)!;
        float[] values = tensor.ToFloats();
        int kernel = (int)(tensor.Dims[2] * tensor.Dims[3]);
        int inputs = (int)tensor.Dims[1];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] *= (outputs ? i / kernel / inputs : i / kernel % inputs) == channel ? by : 1;
        }

        net.Graph.SetConstant(weight, Tensor.Of(values, tensor.Dims.AsSpan()));
    }

    /// <returns>How many times as wide as its narrowest the widest channel of the first pair is, before and after.</returns>
    private static (double Before, double After) RequireSame(Model model, IDataSet data, bool anyPair)
    {
        Model equalized = model.Clone();
        EqualizedPair[] pairs = [.. ActivationEqualization.Pairs(equalized.Graph, new PassContext())];
        Assert.Equal(anyPair, pairs.Length > 0);
        if (pairs.Length == 0)
        {
            return default;
        }

        string first = pairs[0].Values[0];
        float[] before = Learn(model, [new(first, 1)], data)[first].Magnitude;
        PassContext Samples() => new() { ChannelRanges = names => Learn(equalized, names, data) };
        Assert.False(new ActivationEqualization().Apply(equalized.Graph, new PassContext())); // without samples
        Assert.True(new ActivationEqualization().Apply(equalized.Graph, Samples()));
        Assert.False(new ActivationEqualization().Apply(equalized.Graph, Samples())); // settled
        Assert.True(Fidelity.Sqnr(model, equalized, data) > 100);
        float[] after = Learn(equalized, [new(first, 1)], data)[first].Magnitude;
        return (before.Max() / (double)before.Min(), after.Max() / (double)after.Min());
    }

    private static Dictionary<string, ChannelRanges> Learn(Model model, IReadOnlyCollection<ChannelAxis> axes, IDataSet data) =>
        LearnedRanges.Of(model, axes, Calibrator.Observe(model, Batches.Of(data, null, 1, new SkippedFiles()).First().Inputs), data, new CalibrationOptions(), CancellationToken.None);
}
