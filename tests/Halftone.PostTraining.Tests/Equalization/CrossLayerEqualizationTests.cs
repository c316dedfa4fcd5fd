using Halftone.Data;
using Halftone.Onnx;
using Halftone.Onnx.Passes;
using Halftone.PostTraining.Equalization;
using Halftone.PostTraining.Recipes;

namespace Halftone.PostTraining.Tests.Equalization;

public sealed class CrossLayerEqualizationTests
{
    private static readonly Recipe s_perTensor = PlantedNet.Recipe with { Weights = new WeightRecipe { Granularity = RecipeGranularity.Tensor, Narrow = true } };

    public static TheoryData<string> SharedModels => ["resnet20_cifar10_ft", "resnet20_cifar10_bn", "resnet8_cifar10_bn", "fashion_mnist_cnn_bn", "fashion_mnist_mlp", "mnist_cntk", "squeezenet_dc_imagenet", "dscnn_kws", "fsrcnn_x2", "ppocr_cls", "stories260K"];

    [Theory]
    [MemberData(nameof(SharedModels))]
    public void Real_networks_compute_the_same(string name)
    {
        Model model = Model.Load(Paths.Shared($"data/models/{name}.onnx"));
        RequireSame(model, new SeededData(model.Graph.Inputs, 4) { FreeLength = _ => 24 });
    }

    [Theory]
    [InlineData("fashion_resnet", true)]
    [InlineData("fashion_mobilenet", false)] // ReLU6 lets no scale through
    public void Bundled_networks_compute_the_same(string name, bool changes) => Assert.Equal(changes, RequireSame(FashionSamples.Load(name), FashionSamples.Calibration(16)));

    [Theory]
    [InlineData("conv")]
    [InlineData("grouped")]
    [InlineData("depthwise")]
    [InlineData("transposed")]
    [InlineData("transposed grouped")]
    [InlineData("flatten")]
    [InlineData("pad")]
    [InlineData("gemm")]
    [InlineData("matmul")]
    [InlineData("one dimension")]
    public void Every_kind_of_layer_computes_the_same_with_equal_ranges(string kind)
    {
        Net net = Pair(kind);
        var data = new SeededData(net.Model.Graph.Inputs, 4);
        Model model = net.Model.Clone();
        Assert.True(new CrossLayerEqualization().Apply(model.Graph, Equalized.Context(model, data)));
        Equalized.RequireSame(net.Model, model, data);
        var map = ChannelMap.Of(model.Graph, Equalized.Context(model, data), shared: false);
        var scales = new ChannelScales(model.Graph, map);
        Assert.NotEmpty(map.Pairs());
        foreach (EqualizedPair pair in map.Pairs())
        {
            double[] made = scales.Magnitudes(pair.Makes);
            double[] read = scales.Magnitudes(pair.Reads);
            for (int c = 0; c < made.Length; c++)
            {
                double second = pair.Reads.Ids.Zip(read).Where(r => r.First == pair.Makes.Ids[c]).Max(r => r.Second);
                Assert.Equal(1, made[c] / second, 1e-5);
            }
        }
    }

    [Fact]
    public void Between_a_depthwise_layer_and_its_neighbours_all_three_ranges_are_their_geometric_mean()
    {
        var net = new Net([1, 3, 8, 8]);
        net.Conv("x", "a", 8, 3);
        net.Op("Relu", ["a"], "b");
        net.Conv("b", "c", 8, 8, group: 8);
        net.Op("Relu", ["c"], "d");
        net.Conv("d", "y", 4, 8);
        double[][] before = [Magnitudes(net, "w_a", 0), Magnitudes(net, "w_c", 0), Magnitudes(net, "w_y", 1)];
        Assert.True(new CrossLayerEqualization().Apply(net.Graph, new PassContext()));
        double[][] after = [Magnitudes(net, "w_a", 0), Magnitudes(net, "w_c", 0), Magnitudes(net, "w_y", 1)];
        for (int c = 0; c < 8; c++)
        {
            double mean = Math.Cbrt(before[0][c] * before[1][c] * before[2][c]);
            Assert.All(after, a => Assert.Equal(1, a[c] / mean, 1e-5));
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_result_does_not_depend_on_scales_that_were_there_before(bool asymmetric)
    {
        var pass = new CrossLayerEqualization { Asymmetric = asymmetric };
        (Model model, _) = Equalized.Ready(FashionSamples.Load("fashion_resnet"));
        Model corrupted = Equalized.Corrupted(model, seed: 1);
        Assert.True(pass.Apply(model.Graph, new PassContext()));
        Assert.True(pass.Apply(corrupted.Graph, new PassContext()));
        double worst = 0;
        foreach ((string name, Tensor tensor) in model.Graph.Initializers.Where(i => i.Value.Type is ElementType.Float))
        {
            worst = Math.Max(worst, tensor.ToFloats().Zip(corrupted.Graph.Constant(name)!.ToFloats()).Max(p => p.First == 0 ? Math.Abs(p.Second) : Math.Abs((p.Second / (double)p.First) - 1)));
        }

        Assert.InRange(worst, 0, 4e-7); // three roundings to float: the corrupted weight, its range, the result
    }

    [Fact]
    public void Moments_of_folded_normalizations_go_along()
    {
        (Model model, PassContext context) = Equalized.Ready(FashionSamples.Load("fashion_resnet"));
        EqualizedPair pair = ChannelMap.Of(model.Graph, context, shared: false).Pairs().First();
        string node = pair.First.Name;
        float[] bias = model.Graph.Constant(pair.First.Input(2))!.ToFloats();
        BatchNormMoments before = context.BatchNorm[node];
        Assert.True(new CrossLayerEqualization().Apply(model.Graph, context));
        float[] scaled = model.Graph.Constant(pair.First.Input(2))!.ToFloats();
        BatchNormMoments after = context.BatchNorm[node];
        for (int c = 0; c < bias.Length; c++)
        {
            Assert.Equal(scaled[c] / (double)bias[c], after.Mean[c] / (double)before.Mean[c], 1e-5 * Math.Abs(scaled[c] / bias[c]));
            Assert.Equal(scaled[c] / (double)bias[c], after.Deviation[c] / (double)before.Deviation[c], 1e-5 * Math.Abs(scaled[c] / bias[c]));
        }
    }

    [Fact]
    public void What_eight_bits_lose_on_a_corrupted_network_comes_back()
    {
        (Model model, _) = Equalized.Ready(FashionSamples.Load("fashion_resnet"));
        RequireRepair(model, FashionSamples.Calibration(128), FashionSamples.Test(500), leastLoss: 20);
    }

    [Fact]
    public void What_eight_bits_lose_on_a_corrupted_ResNet20_comes_back()
    {
        Model model = Model.Load(Paths.Shared("data/models/resnet20_cifar10_ft.onnx"));
        DataSplit split = DataSets.OpenSplit(Paths.Shared("data/datasets/cifar10-jpeg"), model.Graph.Inputs, new DataOptions { Preprocessing = Preprocessing.Parse("imagenet") });
        IDataSet test = new DataSubset(split.Measured, [.. Batches.Evenly(split.Measured.Count, 1000)]);
        RequireRepair(Equalized.Ready(model).Model, split.Calibration, test, leastLoss: 20);
    }

    private static void RequireRepair(Model model, IDataSet calibration, IDataSet test, double leastLoss)
    {
        Model corrupted = Equalized.Corrupted(model, seed: 3);
        Model repaired = corrupted.Clone();
        Assert.True(new CrossLayerEqualization().Apply(repaired.Graph, new PassContext()));
        (double reference, double lost, double back) = (InEightBits(model), InEightBits(corrupted), InEightBits(repaired));
        TestContext.Current.SendDiagnosticMessage($"int8 by tensor: {reference:F1}, corrupted {lost:F1}, equalized {back:F1}");
        Assert.True(lost <= reference - leastLoss, $"{reference} became {lost}");
        Assert.True(back >= reference - 1, $"{reference} became {lost}, and {back} when equalized");

        double InEightBits(Model one) => Equalized.Accuracy(Jobs.Solve(one, s_perTensor, calibration, new QuantizerOptions { Calibration = new() { Samples = 128 } }).Quantized, test);
    }

    private static bool RequireSame(Model model, IDataSet data)
    {
        (Model ready, PassContext context) = Equalized.Ready(model, data);
        bool changed = new CrossLayerEqualization().Apply(ready.Graph, context);
        Assert.False(new CrossLayerEqualization().Apply(ready.Graph, context)); // settled
        Equalized.RequireSame(model, ready, data);
        return changed;
    }

    private static double[] Magnitudes(Net net, string weight, int axis)
    {
        Tensor tensor = net.Graph.Constant(weight)!;
        var most = new double[tensor.Dims[axis]];
        float[] values = tensor.ToFloats();
        int inner = (int)tensor.Dims.Skip(axis + 1).Aggregate(1L, (a, b) => a * b);
        for (int i = 0; i < values.Length; i++)
        {
            most[i / inner % most.Length] = Math.Max(most[i / inner % most.Length], Math.Abs(values[i]));
        }

        return most;
    }

    private static Net Pair(string kind)
    {
        var net = new Net(kind switch { "gemm" => [1, 6], "matmul" => [2, 3, 6], "one dimension" => [1, 4, 9], _ => [1, 4, 8, 8] });
        switch (kind)
        {
            case "conv" or "grouped" or "depthwise":
                net.Conv("x", "a", 8, 4, group: kind == "grouped" ? 2 : 1);
                net.Op("LeakyRelu", ["a"], "b");
                net.Conv("b", kind == "depthwise" ? "c" : "y", kind == "conv" ? 6 : 8, 8, group: kind switch { "grouped" => 4, "depthwise" => 8, _ => 1 });
                if (kind == "depthwise")
                {
                    net.Conv(net.Op("Relu", ["c"], "d"), "y", 4, 8, kernel: 1);
                }

                break;
            case "transposed" or "transposed grouped":
                long groups = kind == "transposed" ? 1 : 2;
                net.Op("ConvTranspose", ["x", net.Constant("w1", 0.3f, 4, 6 / groups, 2, 2), net.Constant("b1", 0.1f, 6)], "a", n => n.With("group", groups).With("strides", [2L, 2]));
                net.Op("PRelu", ["a", net.Constant("s", 0.3f, 6, 1, 1)], "b");
                net.Op("ConvTranspose", ["b", net.Constant("w2", 0.3f, 6, 5, 3, 3)], "y");
                break;
            case "flatten":
                net.Op("Relu", [net.Conv("x", "a", 5, 4)], "b");
                net.Op("MaxPool", ["b"], "c", n => n.With("kernel_shape", [2L, 2]).With("strides", [2L, 2]));
                net.Op("Flatten", ["c"], "d");
                net.Op("Gemm", ["d", net.Constant("w2", 0.2f, 7, 80), net.Constant("b2", 0.1f, 7)], "y", n => n.With("transB", 1));
                break;
            case "pad":
                net.Op("Pad", [net.Conv("x", "a", 5, 4), net.Integers("pads", 0, 0, 1, 1, 0, 0, 1, 1)], "b");
                net.Op("AveragePool", ["b"], "c", n => n.With("kernel_shape", [2L, 2]));
                net.Conv("c", "y", 3, 5);
                break;
            case "gemm":
                net.Op("Gemm", ["x", net.Constant("w1", 0.3f, 6, 8), net.Constant("b1", 0.2f, 8)], "a", n => n.With("alpha", 0.5f).With("beta", 2f));
                net.Op("Gemm", [net.Op("Relu", ["a"], "b"), net.Constant("w2", 0.3f, 5, 8)], "y", n => n.With("transB", 1));
                break;
            case "matmul":
                net.Op("MatMul", ["x", net.Constant("w1", 0.3f, 6, 8)], "a");
                net.Op("Add", ["a", net.Constant("b1", 0.2f, 8)], "b");
                net.Op("MatMul", [net.Op("Relu", ["b"], "c"), net.Constant("w2", 0.3f, 8, 5)], "y");
                break;
            default:
                net.Op("Conv", ["x", net.Constant("w1", 0.3f, 6, 4, 3)], "a");
                net.Op("Conv", [net.Op("Relu", ["a"], "b"), net.Constant("w2", 0.3f, 5, 6, 3)], "y");
                break;
        }

        return net;
    }
}
