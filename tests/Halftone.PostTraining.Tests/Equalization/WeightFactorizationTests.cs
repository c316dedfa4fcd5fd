using Halftone.Data;
using Halftone.Onnx;
using Halftone.Onnx.Passes;
using Halftone.PostTraining.Equalization;
using Halftone.PostTraining.Recipes;

namespace Halftone.PostTraining.Tests.Equalization;

public sealed class WeightFactorizationTests
{
    private static readonly Recipe s_perTensor = PlantedNet.Recipe with { Weights = new WeightRecipe { Granularity = RecipeGranularity.Tensor, Narrow = true } };

    public static TheoryData<string, bool> Networks => [.. from name in (string[])["fashion_resnet", "fashion_mobilenet"] from two in (bool[])[false, true] select (name, two)];

    [Theory]
    [MemberData(nameof(Networks))]
    public void Bundled_networks_compute_the_same_and_their_activations_keep_their_ranges(string name, bool twoSteps)
    {
        IDataSet data = FashionSamples.Calibration(64);
        (Model model, PassContext context) = Equalized.Ready(FashionSamples.Load(name), data);
        Model before = model.Clone();
        Assert.True(new WeightFactorization { TwoSteps = twoSteps }.Apply(model.Graph, context));
        Equalized.RequireSame(before, model, data);
        if (!twoSteps)
        {
            RequireRanges(before, model, data);
        }
    }

    [Theory]
    [InlineData("resnet20_cifar10_bn")]
    [InlineData("squeezenet_dc_imagenet")] // concatenations
    [InlineData("resnet8_cifar10_bn")]
    [InlineData("dscnn_kws")]
    [InlineData("stories260K")]
    public void Real_networks_compute_the_same(string name)
    {
        Model model = Model.Load(Paths.Shared($"data/models/{name}.onnx"));
        var data = new SeededData(model.Graph.Inputs, 4) { FreeLength = _ => 24 };
        foreach (bool twoSteps in (bool[])[false, true])
        {
            (Model ready, PassContext context) = Equalized.Ready(model, data);
            new WeightFactorization { TwoSteps = twoSteps }.Apply(ready.Graph, context);
            Equalized.RequireSame(model, ready, data);
        }
    }

    [Fact]
    public void Without_limits_of_activations_every_channel_reaches_the_greatest()
    {
        (Model model, PassContext context) = Equalized.Ready(FashionSamples.Load("fashion_resnet"));
        Assert.True(new WeightFactorization { LimitActivations = false }.Apply(model.Graph, context));
        var map = ChannelMap.Of(model.Graph, context, shared: false);
        var scales = new ChannelScales(model.Graph, map);
        foreach (EqualizedPair pair in map.Pairs())
        {
            double[] made = scales.Magnitudes(pair.Makes);
            Assert.All(made.Where(m => m > 0), m => Assert.Equal(1, m / made.Max(), 1e-5));
        }
    }

    [Fact]
    public void Bounds_of_ReLU6_go_with_their_channel_and_stay_a_Clip_where_nothing_changes()
    {
        var net = new Net([1, 3, 8, 8]);
        net.Conv("x", "a", 6, 3);
        net.Op("Clip", ["a", net.Scalar("low", 0), net.Scalar("high", 6)], "b");
        net.Conv("b", "y", 4, 6);
        var data = new SeededData(net.Model.Graph.Inputs, 8);
        Model model = net.Model.Clone();
        Assert.True(new WeightFactorization().Apply(model.Graph, Equalized.Context(model, data)));
        Assert.Contains(model.Graph.Nodes, n => n.Op == "Min");
        Equalized.RequireSame(net.Model, model, data);

        Model flat = net.Model.Clone();
        flat.Graph.SetConstant("w_a", Tensor.Of([.. Enumerable.Range(0, 162).Select(i => i % 2 == 0 ? 0.1f : -0.1f)], 6, 3, 3, 3));
        new WeightFactorization { LimitActivations = false }.Apply(flat.Graph, new PassContext());
        Assert.Single(flat.Graph.Nodes, n => n.Op == "Clip");
    }

    [Fact]
    public void Layers_whose_outputs_are_added_share_a_factor_and_branches_of_a_concatenation_reach_the_largest()
    {
        var net = new Net([1, 3, 8, 8]);
        net.Conv("x", "a", 4, 3);
        net.Conv("x", "b", 4, 3);
        net.Op("Relu", [net.Op("Add", ["a", "b"], "s")], "r");
        net.Op("Relu", [net.Conv("x", "c", 4, 3)], "d");
        net.Graph.SetConstant("w_c", Tensor.Of([.. net.Graph.Constant("w_c")!.ToFloats().Select(v => v / 8)], 4, 3, 3, 3));
        net.Op("Concat", ["r", "d"], "e", n => n.With("axis", 1));
        net.Conv("e", "y", 5, 8);
        var data = new SeededData(net.Model.Graph.Inputs, 16);
        Model model = net.Model.Clone();
        PassContext context = Equalized.Context(model, data);
        Assert.True(new WeightFactorization().Apply(model.Graph, context));
        Equalized.RequireSame(net.Model, model, data);
        float[][] ratios = [.. new[] { "w_a", "w_b" }.Select(w => model.Graph.Constant(w)!.ToFloats().Zip(net.Graph.Constant(w)!.ToFloats(), (x, y) => x / y).ToArray())];
        Assert.All(ratios[0].Zip(ratios[1]), r => Assert.Equal(r.First, r.Second, 1e-4f * r.First));
        float[] after = context.ChannelRanges!([new("e", 1)])["e"].Magnitude;
        Assert.Equal(1, after[4..].Max() / after[..4].Max(), 1e-3);
    }

    [Fact]
    public void What_eight_bits_lose_on_a_corrupted_network_comes_back() =>
        RequireRepair(Equalized.Ready(FashionSamples.Load("fashion_resnet")).Model, FashionSamples.Calibration(128), FashionSamples.Test(500));

    [Fact]
    public void What_eight_bits_lose_on_a_corrupted_ResNet20_comes_back()
    {
        Model model = Model.Load(Paths.Shared("data/models/resnet20_cifar10_ft.onnx"));
        DataSplit split = DataSets.OpenSplit(Paths.Shared("data/datasets/cifar10-jpeg"), model.Graph.Inputs, new DataOptions { Preprocessing = Preprocessing.Parse("imagenet") });
        RequireRepair(Equalized.Ready(model).Model, split.Calibration, new DataSubset(split.Measured, [.. Batches.Evenly(split.Measured.Count, 1000)]));
    }

    private static void RequireRepair(Model model, IDataSet calibration, IDataSet test)
    {
        Model corrupted = Equalized.Corrupted(model, seed: 3);
        Model repaired = corrupted.Clone();
        PassContext context = Equalized.Context(repaired, calibration);
        var factorization = new WeightFactorization { MostScale = 256 }; // as far apart as the corruption
        Assert.True(factorization.Apply(repaired.Graph, context));
        (double reference, double lost, double back) = (InEightBits(model), InEightBits(corrupted), InEightBits(repaired));
        TestContext.Current.SendDiagnosticMessage($"int8 by tensor: {reference:F1}, corrupted {lost:F1}, factorized {back:F1}");
        Assert.True(lost <= reference - 20, $"{reference} became {lost}");
        Assert.True(back >= reference - 1, $"{reference} became {lost}, and {back} when factorized");

        double InEightBits(Model one) => Equalized.Accuracy(Jobs.Solve(one, s_perTensor, calibration, new QuantizerOptions { Calibration = new() { Samples = 128 } }).Quantized, test);
    }

    // the greatest activation of every value that was there before
    private static void RequireRanges(Model before, Model after, IDataSet data)
    {
        string[] values = [.. before.Graph.Nodes.Where(n => n.Op is "Relu" or "Clip").Select(n => n.Outputs[0])];
        Dictionary<string, ChannelRanges> first = Equalized.Context(before, data).ChannelRanges!([.. values.Select(v => new ChannelAxis(v, 1))]);
        Dictionary<string, ChannelRanges> second = Equalized.Context(after, data).ChannelRanges!([.. values.Select(v => new ChannelAxis(v, 1))]);
        Assert.All(values, v => Assert.InRange(second[v].Magnitude.Max() / first[v].Magnitude.Max(), 0, 1.001f));
    }
}
