using System.Collections.Immutable;
using Halftone.Data;
using Halftone.Formats;
using Halftone.Numerics;
using Halftone.Onnx;
using Halftone.Onnx.Passes;
using Halftone.PostTraining.Calibration;
using Halftone.PostTraining.Correction;
using Halftone.PostTraining.Recipes;
using Halftone.PostTraining.Tests.Equalization;
using Halftone.Ranges;
using Halftone.Weights;

namespace Halftone.PostTraining.Tests.Correction;

public sealed class AnalyticBiasCorrectionTests
{
    [Fact]
    public void The_mean_error_of_a_layer_behind_a_normalized_one_goes_away()
    {
        const int Samples = 60_000;
        float[] mean = [1, 0, -0.5f, 3];
        float[] deviation = [1, 0.5f, 2, 0.7f];
        var net = new Net([Samples, 4]);
        var diagonal = new float[16];
        for (int i = 0; i < 4; i++)
        {
            diagonal[i * 5] = deviation[i];
        }

        net.Op("Gemm", ["x", net.Constant("e", Tensor.Of(diagonal, 4, 4)), net.Constant("m", Tensor.Of(mean, 4))], "a");
        net.Op("Relu", ["a"], "b");
        net.Op("Gemm", ["b", net.Constant("w", 0.5f, 4, 5), net.Constant("c", 0.1f, 5)], "y");
        var data = new SeededData(net.Model.Graph.Inputs, 1);
        Model exact = net.Model.Clone();
        Node layer = net.Graph.Nodes.First(n => n.Name == "n_y");
        WeightView view = Plans.Of(layer, net.Graph.Constant("w")!);
        QuantizedTensor codes = new RoundToNearest().Quantize(view, new WeightTarget(new IntegerGrid(3, true), true, Granularity.Tensor), LayerStatistics.None);
        var moments = new Dictionary<string, BatchNormMoments> { ["n_a"] = new(mean, deviation) };
        DerivedMoments derived = MomentPropagation.Of(net.Graph, moments, Calibrator.Observe(net.Model, data.Read(0).Inputs), new Dictionary<string, ClipRange>());
        ImmutableArray<float> correction = AnalyticBiasCorrection.Correction(net.Graph, layer, codes, derived)!.Value;
        net.Graph.SetConstant("w", Tensor.Of(codes.Dequantize(), 4, 5));
        double[] before = MeanErrors(exact, net.Model, data);
        net.Graph.SetConstant("c", Tensor.Of([.. net.Graph.Constant("c")!.ToFloats().Zip(correction, (b, c) => b + c)], 5));
        double[] after = MeanErrors(exact, net.Model, data);
        Assert.True(before.Max(Math.Abs) > 0.05);
        Assert.All(after.Zip(before), e => Assert.InRange(Math.Abs(e.First), 0, 0.01));
    }

    [Fact]
    public void The_bundled_network_is_corrected_as_samples_would_and_judged_where_there_are_any() =>
        RequireLikeSamples(FashionSamples.Load("fashion_resnet"), FashionSamples.Calibration(128), FashionSamples.Test(500), new ClipRange(-0.8103, 2.0227));

    [Fact]
    public void Four_bits_of_ResNet20_come_nearer_without_a_sample()
    {
        Model model = Model.Load(Paths.Shared("data/models/resnet20_cifar10_ft_bn.onnx"));
        DataSplit split = DataSets.OpenSplit(Paths.Shared("data/datasets/cifar10-jpeg"), model.Graph.Inputs, new DataOptions { Preprocessing = Preprocessing.Parse("imagenet") });
        Assert.True(RequireLikeSamples(model, split.Calibration, new DataSubset(split.Measured, [.. Batches.Evenly(split.Measured.Count, 1000)]), new ClipRange(-2.12, 2.64)) > 1);
    }

    /// <returns>dB gained.</returns>
    private static double RequireLikeSamples(Model model, IDataSet calibration, IDataSet test, ClipRange input)
    {
        var recipe = new Recipe { Name = "w4", Target = "ort-x64-vnni", Weights = new WeightRecipe { Bits = 4, Narrow = true, Granularity = RecipeGranularity.Tensor }, Activations = new ActivationRecipe { Range = "min-max" } };
        using QuantizationJob job = Jobs.Start(model, recipe, calibration, new QuantizerOptions { Calibration = new() { Samples = 128 } });
        (QuantizationPlan plan, Model plain) = job.Solve();
        Graph graph = job.Prepared.Model.Graph;
        DerivedMoments derived = MomentPropagation.Of(graph, job.Prepared.Passes.BatchNorm, job.Prepared.Values, new Dictionary<string, ClipRange> { [graph.Inputs[0].Name] = input });
        using var run = new CalibrationRun(job.Prepared.Model, job.Prepared.Values, job.Run!.Statistics, calibration, 64, job.Builder) { Moments = derived };
        using var blind = new CalibrationRun(job.Prepared.Model, job.Prepared.Values, job.Run!.Statistics, calibration, 0, job.Builder) { Moments = derived };
        QuantizationPlan analytic = new AnalyticBiasCorrection().Improve(graph, plan, blind); // without a sample to judge by it is kept
        QuantizationPlan judged = new AnalyticBiasCorrection().Improve(graph, plan, run);
        QuantizationPlan empirical = new BiasCorrection { Samples = 128 }.Improve(graph, plan, run);

        // what samples say of the same errors, where that is kept
        string[] nodes = [.. analytic.BiasCorrections.Keys.Intersect(empirical.BiasCorrections.Keys).Order()];
        double[] a = [.. nodes.SelectMany(n => analytic.BiasCorrections[n]).Select(v => (double)v)];
        double[] b = [.. nodes.SelectMany(n => empirical.BiasCorrections[n]).Select(v => (double)v)];
        double correlation = a.Zip(b).Sum(p => p.First * p.Second) / Math.Sqrt(a.Sum(v => v * v) * b.Sum(v => v * v));
        double[] right = [Equalized.Accuracy(plain, test), Equalized.Accuracy(job.Lower(analytic), test), Equalized.Accuracy(job.Lower(empirical), test)];
        double[] sqnr = [run.Compare(plan).Sqnr, run.Compare(analytic).Sqnr, run.Compare(empirical).Sqnr];
        string told = $"cosine {correlation:F3}; right {right[0]:F1}, analytic {right[1]:F1}, empirical {right[2]:F1}; {sqnr[0]:F1} dB, {sqnr[1]:F1}, {sqnr[2]:F1}";
        TestContext.Current.SendDiagnosticMessage(told);
        Assert.True(nodes.Length == 0 || correlation > 0.8, told);
        Assert.True(right[1] >= right[0], told);
        Assert.Equal(sqnr[1] > sqnr[0], judged != plan);
        return sqnr[1] - sqnr[0];
    }

    private static double[] MeanErrors(Model exact, Model other, SeededData data)
    {
        float[] x = Fidelity.Run(exact, data.Read(0).Inputs)["y"].ToFloats();
        float[] y = Fidelity.Run(other, data.Read(0).Inputs)["y"].ToFloats();
        return [.. Enumerable.Range(0, 5).Select(o => Enumerable.Range(0, x.Length / 5).Average(r => (double)y[(r * 5) + o] - x[(r * 5) + o]))];
    }

    private static class Plans
    {
        public static WeightView Of(Node node, Tensor weight) => PostTraining.Plans.WeightViews.Of(node, weight);
    }
}
