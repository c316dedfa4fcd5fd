using Halftone.Data;
using Halftone.Formats;
using Halftone.Numerics;
using Halftone.Onnx;
using Halftone.Onnx.Passes;
using Halftone.PostTraining.Equalization;
using Halftone.PostTraining.Recipes;
using Halftone.Weights;

namespace Halftone.PostTraining.Tests.Equalization;

public sealed class LayerRewriteTests
{
    [Fact]
    public void Clips_from_0_to_6_become_Relu_and_others_stay()
    {
        var net = new Net([1, 4]);
        net.Op("Clip", ["x", net.Scalar("zero", 0), net.Scalar("six", 6)], "a");
        net.Op("Clip", ["a", "zero", net.Scalar("five", 5)], "b");
        net.Op("Clip", ["b", net.Scalar("one", 1), "six"], "c");
        net.Op("Clip", ["c", "zero"], "y");
        Assert.True(new Relu6ToRelu().Apply(net.Graph, new PassContext()));
        Assert.Equal(["Relu", "Clip", "Clip", "Clip"], net.Graph.Nodes.Select(n => n.Op));
        Assert.False(new Relu6ToRelu().Apply(net.Graph, new PassContext()));
    }

    [Theory]
    [InlineData("Conv")]
    [InlineData("grouped")]
    [InlineData("Gemm")]
    [InlineData("padded")]
    public void Absorbed_biases_change_nothing_where_values_exceed_them(string second)
    {
        (Net net, SeededData data) = HighBiases(second);
        (Model model, PassContext context) = Equalized.Ready(net.Model, data);
        Model before = model.Clone();
        float[] mean = context.BatchNorm["n_a"].Mean;
        Assert.Equal(second != "padded", new BiasAbsorption().Apply(model.Graph, context));
        if (second == "padded")
        {
            // the border errs, the rest does not
            Assert.True(new BiasAbsorption { AcrossPadding = true }.Apply(model.Graph, context));
            float[] x = Fidelity.Run(before, data.Read(0).Inputs)["y"].ToFloats();
            float[] y = Fidelity.Run(model, data.Read(0).Inputs)["y"].ToFloats();
            Assert.All(Enumerable.Range(0, x.Length).Where(i => i / 6 % 6 is > 0 and < 5 && i % 6 is > 0 and < 5), i => Assert.Equal(x[i], y[i], 1e-3));
            Assert.True(x.Zip(y).Max(p => Math.Abs(p.First - p.Second)) > 0.1);
            return;
        }

        Equalized.RequireSame(before, model, data);
        float[] values = Equalized.Context(before, data).ChannelRanges!([new("b", 1)])["b"].Max;
        float[] smaller = Equalized.Context(model, data).ChannelRanges!([new("b", 1)])["b"].Max;
        Assert.True(smaller.Max() < 0.6 * values.Max());
        Assert.All(Enumerable.Range(0, 6), c => Assert.Equal(mean[c] - Math.Max(0, mean[c] - 3), context.BatchNorm["n_a"].Mean[c], 1e-5));
    }

    [Fact]
    public void Biases_stay_behind_what_is_no_Relu()
    {
        (Net net, SeededData data) = HighBiases("LeakyRelu");
        (Model model, PassContext context) = Equalized.Ready(net.Model, data);
        Assert.False(new BiasAbsorption().Apply(model.Graph, context));
    }

    // numbers of the catalogue: 44.7 dB, with one channel without variance 16.3 dB
    [Fact]
    public void A_depthwise_channel_without_variance_no_longer_takes_the_codes_of_the_others()
    {
        var net = new Net([1, 32, 8, 8]);
        net.Op("Conv", ["x", net.Constant("w", 1, 32, 1, 3, 3)], "a", n => n.With("group", 32).With("pads", [1L, 1, 1, 1]));
        float[] variance = [.. Enumerable.Repeat(1f, 32)];
        variance[5] = 0;
        net.Op("BatchNormalization", ["a", net.Constant("gamma", Ones()), net.Constant("beta", 0.1f, 32), net.Constant("mean", 0, 32), net.Constant("variance", Tensor.Of(variance, 32))], "b", n => n.With("epsilon", 1e-3f));
        net.Op("Clip", ["b", net.Scalar("low", 0), net.Scalar("high", 6)], "y");
        Model repaired = net.Model.Clone();
        var rewrite = new FriendlySeparableConvolution();
        Assert.Equal(RewriteStage.Original, ((ILayerRewrite)rewrite).Stage);
        Assert.True(rewrite.Apply(repaired.Graph, new PassContext()));
        Assert.DoesNotContain(repaired.Graph.Nodes, n => n.Op == "Clip");
        Model sound = net.Model.Clone();
        sound.Graph.SetConstant("variance", Ones());

        double healthy = Sqnr(sound, Granularity.Tensor);
        double spoilt = Sqnr(net.Model, Granularity.Tensor);
        double back = Sqnr(repaired, Granularity.Tensor);
        TestContext.Current.SendDiagnosticMessage($"{healthy:F1} dB, spoilt {spoilt:F1}, repaired {back:F1}");
        Assert.True(healthy - spoilt > 20 && Math.Abs(healthy - back) < 1, $"{healthy:F1} dB, spoilt {spoilt:F1}, repaired {back:F1}");
        Assert.Equal(Sqnr(sound, Granularity.Channel(0)), Sqnr(net.Model, Granularity.Channel(0)), 1e-9);
        Assert.False(rewrite.Apply(repaired.Graph, new PassContext()));
    }

    // of the weights of all channels but the fifth
    private static double Sqnr(Model model, Granularity granularity)
    {
        (Model ready, _) = Equalized.Ready(model);
        Node conv = ready.Graph.Nodes.First(n => n.Op == "Conv");
        LinearLayer layer = LinearLayer.Of(ready.Graph, conv)!;
        float[] weight = layer.Weight.ToFloats();
        float[] codes = new RoundToNearest().Quantize(Plans.Of(layer), new WeightTarget(new IntegerGrid(8, true).Narrow, true, granularity), LayerStatistics.None).Dequantize();
        int[] others = [.. Enumerable.Range(0, weight.Length).Where(i => i / 9 != 5)];
        return 10 * Math.Log10(others.Sum(i => (double)weight[i] * weight[i]) / others.Sum(i => Math.Pow(codes[i] - weight[i], 2)));
    }

    [Theory]
    [InlineData(8, true)]
    [InlineData(6, true)]
    [InlineData(8, false)]
    [InlineData(5, false)]
    public void The_papers_rule_tells_the_error_of_weights_within_a_decibel(int bits, bool gaussian)
    {
        var random = new CounterRandom(4);
        float[] values = gaussian ? Net.Normal(random, 20_000) : [.. Enumerable.Range(0, 20_000).Select(i => (float)((2 * random.Uniform(i)) - 1))];
        var view = new WeightView(WeightKind.MatMul, [100, 200], 1, 0, 1, values);
        float[] codes = new RoundToNearest().Quantize(view, new WeightTarget(new IntegerGrid(bits, true), true, Granularity.Tensor), LayerStatistics.None).Dequantize();
        double signal = values.Average(v => (double)v * v);
        double sqnr = 10 * Math.Log10(signal / values.Zip(codes).Average(p => Math.Pow(p.First - (double)p.Second, 2)));
        double rule = (6.02 * bits) + 4.77 - (20 * Math.Log10(values.Max(Math.Abs) / Math.Sqrt(signal)));
        Assert.Equal(rule, sqnr, 1.0);
    }

    [Fact]
    public void A_dead_channel_costs_a_real_network_nothing_any_more()
    {
        Model model = FashionSamples.Load("fashion_mobilenet");
        Node depthwise = model.Graph.Nodes.First(n => n.Op == "Conv" && n.Int("group", 1) > 1 && model.Graph.Producer(n.Input(0)) is { Op: "Clip" });
        Node before = model.Graph.Producer(model.Graph.Producer(depthwise.Input(0))!.Input(0))!;
        Node after = model.Graph.Consumers(depthwise.Outputs[0]).Single();
        Assert.Equal(("BatchNormalization", "BatchNormalization"), (before.Op, after.Op));
        Set(before.Input(2), -100); // behind the Clip nothing is left of the channel
        Set(after.Input(3), 0);
        Set(after.Input(4), 0);

        Model repaired = model.Clone();
        Assert.True(new FriendlySeparableConvolution().Apply(repaired.Graph, new PassContext()));
        IDataSet test = FashionSamples.Test(500);
        var recipe = new Recipe { Name = "by-tensor", Target = "ort-x64-vnni", Weights = new WeightRecipe { Granularity = RecipeGranularity.Tensor }, Activations = new ActivationRecipe { Range = "min-max" } };
        (double reference, double spoilt, double back) = (Equalized.Accuracy(model, test), InEightBits(model), InEightBits(repaired));
        TestContext.Current.SendDiagnosticMessage($"float {reference:F1}, int8 {spoilt:F1}, repaired {back:F1}");
        Assert.True(back > spoilt + 2 && back >= reference - 2, $"float {reference:F1}, int8 {spoilt:F1}, repaired {back:F1}");

        double InEightBits(Model one) => Equalized.Accuracy(Jobs.Solve(one, recipe, FashionSamples.Calibration(128)).Quantized, test);

        void Set(string constant, float value)
        {
            float[] values = model.Graph.Constant(constant)!.ToFloats();
            values[3] = value;
            model.Graph.SetConstant(constant, Tensor.Of(values, values.Length));
        }
    }

    private static Tensor Ones() => Tensor.Of([.. Enumerable.Repeat(1f, 32)], 32);

    // a normalized layer whose outputs stay within three deviations of means of up to 20
    private static (Net Net, SeededData Data) HighBiases(string second)
    {
        var net = new Net([1, 3, 6, 6]);
        net.Op("Conv", ["x", net.Constant("w", 0.2f, 6, 3, 1, 1)], "a");
        net.Op("BatchNormalization",
            ["a", net.Constant("gamma", Tensor.Of([1f, -1, 1, 1, 1, 1], 6)), net.Constant("beta", Tensor.Of([20f, 10, 5, 0, -2, 8], 6)), net.Constant("mean", Tensor.Of(new float[6], 6)), net.Constant("variance", Tensor.Of([9f, 9, 9, 9, 9, 9], 6))],
            "n");
        net.Op(second == "LeakyRelu" ? second : "Relu", ["n"], "b");
        switch (second)
        {
            case "Gemm":
                net.Op("Flatten", ["b"], "f");
                net.Op("Gemm", ["f", net.Constant("v", 0.1f, 216, 4)], "y");
                break;
            default:
                long kernel = second == "padded" ? 3 : 1;
                net.Conv("b", "y", 4, 6, kernel: kernel, group: second == "grouped" ? 2 : 1);
                break;
        }

        return (net, new SeededData(net.Model.Graph.Inputs, 8));
    }

    private static class Plans
    {
        public static WeightView Of(LinearLayer layer) => PostTraining.Plans.WeightViews.Of(layer.Node, layer.Weight);
    }
}
