using Halftone.Data;
using Halftone.Onnx;
using Halftone.Onnx.Export;
using Halftone.Onnx.Passes;
using Halftone.Onnx.Targets;
using Halftone.PostTraining.Calibration;
using Halftone.PostTraining.Correction;
using Halftone.PostTraining.Equalization;
using Halftone.PostTraining.Plans;
using Halftone.PostTraining.Recipes;
using Halftone.Ranges;
using Halftone.Statistics;

namespace Halftone.PostTraining.Tests.Equalization;

/// <summary>Data-free quantization from end to end (Nagel et al. 2019): equalized, biases absorbed, ranges and corrections from normalization alone; only the test sees images.</summary>
public sealed class DataFreeTests
{
    private static readonly Recipe s_recipe = new()
    {
        Name = "dfq",
        Target = "ort-x64-vnni",
        Weights = new WeightRecipe { Granularity = RecipeGranularity.Tensor },
        Activations = new ActivationRecipe { Range = "min-max" },
    };

    [Theory]
    [InlineData("fashion_resnet")]
    [InlineData("fashion_mobilenet")]
    public void Eight_bits_by_tensor_without_an_image_lose_little(string name) =>
        RequireClose(FashionSamples.Load(name), new ClipRange(-0.8103, 2.0227), FashionSamples.Test(500));

    [Fact]
    public void Eight_bits_by_tensor_of_ResNet20_without_an_image_lose_little()
    {
        Model model = Model.Load(Paths.Shared("data/models/resnet20_cifar10_ft_bn.onnx"));
        DataSplit split = DataSets.OpenSplit(Paths.Shared("data/datasets/cifar10-jpeg"), model.Graph.Inputs, new DataOptions { Preprocessing = Preprocessing.Parse("imagenet") });
        RequireClose(model, new ClipRange(-2.12, 2.64), new DataSubset(split.Measured, [.. Batches.Evenly(split.Measured.Count, 1000)]));
    }

    private static void RequireClose(Model model, ClipRange input, IDataSet test)
    {
        (Model ready, PassContext context) = Equalized.Ready(model);
        new Relu6ToRelu().Apply(ready.Graph, context);
        Assert.True(new CrossLayerEqualization().Apply(ready.Graph, context));
        new BiasAbsorption().Apply(ready.Graph, context);

        // lengths from zeros, ranges from normalization
        var zeros = ready.Graph.Inputs.ToDictionary(i => i.Name, i => Tensor.Of(new float[i.Dims!.Aggregate(1L, (a, d) => a * (d ?? 1))], [.. i.Dims!.Select(d => d ?? 1)]));
        IReadOnlyDictionary<string, ObservedValue> values = Calibrator.Observe(ready, zeros);
        DerivedMoments derived = MomentPropagation.Of(ready.Graph, context.BatchNorm, values, new Dictionary<string, ClipRange> { [ready.Graph.Inputs[0].Name] = input });
        Assert.Empty(derived.Unknown);
        Target target = TargetList.Find(s_recipe.Target);
        var placement = Placement.Decide(ready.Graph, target, s_recipe, values);
        Dictionary<string, TensorStatistics> statistics = placement.Observed.ToDictionary(e => e, e => derived.Statistics(e)!);
        QuantizationPlan plan = new PlanBuilder(ready.Graph, target, s_recipe, placement).Build(statistics, new MinMax());
        using var run = new CalibrationRun(ready, values, statistics, test, 0, 1) { Moments = derived };
        QuantizationPlan corrected = new AnalyticBiasCorrection().Improve(ready.Graph, plan, run);

        double[] right = [Equalized.Accuracy(model, test), Equalized.Accuracy(ready, test), Equalized.Accuracy(QdqExport.Apply(ready, plan), test), Equalized.Accuracy(QdqExport.Apply(ready, corrected), test)];
        string told = $"float {right[0]:F1}, rewritten {right[1]:F1}, int8 {right[2]:F1}, corrected {right[3]:F1}; {context.Log.Count(l => l.StartsWith("absorbed", StringComparison.Ordinal))} absorbed";
        TestContext.Current.SendDiagnosticMessage(told);
        Assert.True(right[3] >= right[0] - 2, told);
    }
}
