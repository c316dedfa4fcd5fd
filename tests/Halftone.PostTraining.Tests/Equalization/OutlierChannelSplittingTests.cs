using Halftone.Data;
using Halftone.Formats;
using Halftone.Numerics;
using Halftone.Onnx;
using Halftone.Onnx.Passes;
using Halftone.PostTraining.Equalization;
using Halftone.Weights;

namespace Halftone.PostTraining.Tests.Equalization;

public sealed class OutlierChannelSplittingTests
{
    private static readonly WeightTarget s_int4 = new(new IntegerGrid(4, true).Narrow, true, Granularity.Tensor);

    public static TheoryData<string, bool, bool> Networks =>
        [.. from name in (string[])["fashion_resnet", "fashion_mobilenet"] from aware in (bool[])[false, true] from activations in (bool[])[false, true] select (name, aware, activations)];

    [Theory]
    [MemberData(nameof(Networks))]
    public void Bundled_networks_compute_the_same_with_the_channels_that_were_asked_for(string name, bool aware, bool activations)
    {
        IDataSet data = FashionSamples.Calibration(16);
        (Model model, PassContext context) = Equalized.Ready(FashionSamples.Load(name), data);
        Model before = model.Clone();
        Assert.True(new OutlierChannelSplitting { Ratio = 0.1, GridAware = aware, Activations = activations }.Apply(model.Graph, context));
        Equalized.RequireSame(before, model, data);
        int split = 0;
        foreach (Node node in before.Graph.Nodes.Where(n => n.Op is "Conv" or "Gemm" && n.Int("group", 1) == 1 && before.Graph.Producer(n.Input(0)) is not null))
        {
            LinearLayer first = LinearLayer.Of(before.Graph, node)!;
            LinearLayer second = LinearLayer.Of(model.Graph, model.Graph.Nodes.First(n => n.Name == node.Name))!;
            Assert.Equal(first.Inputs + (int)Math.Ceiling(first.Inputs * 0.1), second.Inputs);
            split++;
        }

        Assert.Equal(split, context.Log.Count(l => l.Contains("channels added to", StringComparison.Ordinal)));
        Assert.Equal(before.Graph.Nodes.Count(n => n.Int("group", 1) > 1), context.Log.Count(l => l.Contains("cannot be split", StringComparison.Ordinal)));
        Assert.Equal(!activations && name == "fashion_resnet", model.Graph.Nodes.Any(n => n.Op == "Gather") && model.Graph.Nodes.Count(n => n.Op == "Gather") < split); // some channels are made twice, some read twice
    }

    [Theory]
    [InlineData("stories260K")]
    [InlineData("squeezenet_dc_imagenet")]
    [InlineData("resnet20_cifar10_bn")]
    public void Real_networks_compute_the_same(string name)
    {
        Model model = Model.Load(Paths.Shared($"data/models/{name}.onnx"));
        var data = new SeededData(model.Graph.Inputs, 4) { FreeLength = _ => 24 };
        (Model ready, PassContext context) = Equalized.Ready(model, data);
        Assert.True(new OutlierChannelSplitting { Ratio = 0.05 }.Apply(ready.Graph, context));
        Equalized.RequireSame(model, ready, data);
    }

    [Fact]
    public void Halves_half_a_step_apart_round_as_the_whole_and_equal_ones_do_not()
    {
        (double aware, double plain) = (0, 0);
        const int Count = 1 << 18;
        for (int i = 0; i < Count; i++)
        {
            float v = (i - (Count / 2)) / 1024f; // every 1/1024, ties among them
            foreach (double[]? steps in (double[]?[])[[1], null])
            {
                ChannelSplit split = ChannelSplit.OfWeights([[v]], 1, steps);
                double sum = split.Columns.Sum(c => Math.Floor(c[0] + 0.5));
                if (steps is null)
                {
                    plain += (sum - v) * (sum - v);
                    continue;
                }

                Assert.Equal(Math.Floor(v + 0.5), sum);
                aware += (sum - v) * (sum - v);
            }
        }

        Assert.Equal(1 / Math.Sqrt(12), Math.Sqrt(aware / Count), 1e-3);
        Assert.Equal(1 / Math.Sqrt(3), Math.Sqrt(plain / Count), 1e-3); // twice as much
    }

    [Fact]
    public void What_four_bits_leave_of_the_weights_comes_nearer_with_every_channel_added() => RequireNearer(Equalized.Ready(FashionSamples.Load("fashion_resnet")).Model);

    [Fact]
    public void What_four_bits_leave_of_ResNet20_comes_nearer_with_every_channel_added() =>
        RequireNearer(Equalized.Ready(Model.Load(Paths.Shared("data/models/resnet20_cifar10_ft.onnx"))).Model);

    private static void RequireNearer(Model model)
    {
        double[] ratios = [0.01, 0.02, 0.05, 0.1, 0.2];
        double none = Error(model, null, model);
        double last = none;
        List<string> lines = [$"none {none:F4}"];
        foreach (double ratio in ratios)
        {
            double aware = Error(model, new OutlierChannelSplitting { Ratio = ratio, FirstLayer = true }, model);
            double plain = Error(model, new OutlierChannelSplitting { Ratio = ratio, FirstLayer = true, GridAware = false }, model);
            lines.Add($"{ratio}: {aware:F4}, plain {plain:F4}");
            Assert.True(aware <= last * 1.005 && aware <= plain * 1.02, string.Join("; ", lines));
            last = aware;
        }

        TestContext.Current.SendDiagnosticMessage(string.Join("; ", lines));
        Assert.True(last < 0.75 * none, string.Join("; ", lines));
    }

    // of the weights that the codes mean, channels that belong together added: mean over the layers of |error|^2 / |w|^2
    private static double Error(Model original, OutlierChannelSplitting? pass, Model model)
    {
        Model split = model.Clone();
        var context = new PassContext { WeightTarget = _ => s_int4 };
        List<double> errors = [];
        foreach (Node node in original.Graph.Nodes.Where(n => n.Op is "Conv" or "Gemm" && n.Int("group", 1) == 1))
        {
            LinearLayer layer = LinearLayer.Of(original.Graph, node)!;
            (float[][] columns, _) = OutlierChannelSplitting.Columns(layer);

            // each layer alone, so that doubled outputs of others do not count
            LinearLayer after = layer;
            int[] origins = [.. Enumerable.Range(0, columns.Length)];
            if (pass is not null)
            {
                var net = new Net([null, layer.Inputs, 1, 1]);
                string weight = net.Constant("w", layer.Weight);
                net.Op("Relu", ["x"], "r");
                net.Op(node.Op, [node.Op == "Gemm" ? net.Op("Flatten", ["r"], "f") : "r", weight], "y", n => n.WithAttributesOf(node));
                pass.Apply(net.Graph, context);
                after = LinearLayer.Of(net.Graph, net.Graph.Nodes.First(n => n.Name == "n_y"))!;
                origins = [.. net.Graph.Constant(net.Graph.Producer(after.Node.Input(0))!.Input(1))!.ToInt64s().Select(o => (int)o)];
            }

            float[] codes = new RoundToNearest().Quantize(Plans.WeightViewsOf(after), s_int4, LayerStatistics.None).Dequantize();
            (float[][] rounded, _) = OutlierChannelSplitting.Columns(after with { Weight = Tensor.Of(codes, after.Weight.Dims.AsSpan()) });
            double error = 0;
            for (int c = 0; c < columns.Length; c++)
            {
                for (int p = 0; p < columns[c].Length; p++)
                {
                    double sum = Enumerable.Range(0, origins.Length).Where(e => origins[e] == c).Sum(e => (double)rounded[e][p]);
                    error += (sum - columns[c][p]) * (sum - columns[c][p]);
                }
            }

            errors.Add(error / columns.Sum(c => c.Sum(w => (double)w * w)));
        }

        return errors.Average();
    }

    private static class Plans
    {
        public static WeightView WeightViewsOf(LinearLayer layer) => PostTraining.Plans.WeightViews.Of(layer.Node, layer.Weight);
    }
}
