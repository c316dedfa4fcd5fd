using Halftone.Data;
using Halftone.Onnx;
using Halftone.PostTraining.Calibration;
using Halftone.PostTraining.Proofs;
using Halftone.PostTraining.Recipes;

namespace Halftone.PostTraining.Tests.Accuracy;

/// <summary>What real networks lose, on samples apart from those that calibrate, float and quantized in pairs; the calibrator is chosen without labels.</summary>
public sealed class AccuracyTests
{
    private const string Sets = "data/datasets/";

    [Theory]
    [InlineData("fashion_resnet")]
    [InlineData("fashion_mobilenet")]
    public void Bundled_networks_lose_half_a_point_at_most_in_int8(string name)
    {
        IDataSet calibration = FashionSamples.Calibration(512);
        Outcome outcome = Quantize(FashionSamples.Load(name), "ort-int8", new DataSplit(calibration, FashionSamples.Test(2500)));
        Assert.Equal(2500, outcome.Accuracy[0].Samples);
        RequireLossOfHalfAPoint(outcome);
    }

    // the bundled twins of the checks on networks that are no classifiers: weights alone, and outputs as numbers
    [Theory]
    [InlineData("fashion_resnet", "weight-only-int8", 40)]
    [InlineData("fashion_resnet", "weight-only-int4", 20)]
    [InlineData("fashion_mobilenet", "weight-only-int8", 40)]
    [InlineData("fashion_mobilenet", "weight-only-int4", 20)]
    [InlineData("fashion_resnet", "ort-int8", 20)]
    [InlineData("fashion_mobilenet", "ort-int8", 20)]
    public void Bundled_networks_keep_their_outputs(string name, string recipe, double least)
    {
        Outcome outcome = Quantize(FashionSamples.Load(name), recipe, new DataSplit(FashionSamples.Calibration(128), FashionSamples.Test(500)));
        Assert.True(outcome.Agreement!.Sqnr >= least, $"{outcome.Agreement.Sqnr} dB");
        Assert.InRange(outcome.Accuracy[0].Difference, -1, 1);
    }

    [Theory]
    [InlineData("resnet20_cifar10_ft", "cifar10-jpeg", "imagenet", 2000)]
    [InlineData("resnet8_cifar10", "cifar10-jpeg", "none", 2000)]
    [InlineData("dscnn_kws", "kws-features/x_int8.npy", """{"scale":0.5847029,"mean":48.5303407}""", null)]
    [InlineData("squeezenet_dc_imagenet", "imagenet-val", "caffe", null)]
    [InlineData("ppocr_cls", "ocr-lines", "minus-one-to-one,bgr,fit-height,48x192", null)]
    [InlineData("mnist_cntk", "mnist", "none", 5000)]
    public void Labelled_networks_lose_half_a_point_at_most_in_int8(string name, string data, string preprocessing, int? measured) =>
        RequireLossOfHalfAPoint(QuantizeShared(name, "ort-int8", data, new DataOptions { Preprocessing = Steps(preprocessing) }, measured));

    [Theory]
    [InlineData("fashion_mnist_mlp")]
    [InlineData("fashion_mnist_cnn")]
    [InlineData("fashion_mnist_cnn_bn")]
    public void Other_networks_on_the_bundled_pictures_lose_half_a_point_at_most_in_int8(string name)
    {
        Model model = Model.Load(Paths.Shared($"data/models/{name}.onnx"));
        var reading = new DataOptions { Preprocessing = Preprocessing.Parse("unit") };
        RequireLossOfHalfAPoint(Quantize(model, "ort-int8", DataSets.OpenSplit(Paths.InRepository("samples/fashion-mnist"), model.Graph.Inputs, reading)));
    }

    [Theory]
    [InlineData("weight-only-int8", 1.005)]
    [InlineData("weight-only-int4", 1.08)]
    public void A_language_model_keeps_its_perplexity(string recipe, double most)
    {
        AccuracyEntry accuracy = QuantizeShared("stories260K", recipe, "text/stories260K_sampled_ids.npy", new DataOptions(), null).Accuracy[0];
        Assert.Equal("perplexity", accuracy.Metric);
        Assert.InRange(accuracy.Quantized / accuracy.Float, 0.99, most);
    }

    [Fact]
    public void Super_resolution_keeps_its_PSNR()
    {
        string folder = Paths.Shared(Sets + "superres-y");
        Outcome outcome = QuantizeShared("fsrcnn_x2", "ort-int8", "superres-y/*_lr2.png", new DataOptions { Preprocessing = Preprocessing.Parse("unit"), Targets = Path.Combine(folder, "*_hr.png") }, null);
        Assert.Equal("psnr", outcome.Accuracy[0].Metric);
        Assert.InRange(outcome.Accuracy[0].Difference, -0.3, 0.1);
    }

    [Fact]
    public void A_face_detector_gives_nearly_the_same_outputs()
    {
        Outcome outcome = QuantizeShared("blazeface_front_128", "ort-int8", "imagenet-val", new DataOptions { Preprocessing = Preprocessing.Parse("minus-one-to-one,stretch"), Limit = 100 }, 1);
        Assert.True(outcome.Agreement!.Sqnr >= 20, $"{outcome.Agreement.Sqnr} dB");
    }

    private static void RequireLossOfHalfAPoint(Outcome outcome)
    {
        AccuracyEntry accuracy = outcome.Accuracy[0];
        Assert.Equal("top-1", accuracy.Metric);
        Assert.NotEqual(OutcomeStatus.Failed, outcome.Status);
        Assert.True(-accuracy.Difference <= Math.Max(0.5, accuracy.StandardError), $"{accuracy.Float} became {accuracy.Quantized}, standard error {accuracy.StandardError}");
    }

    private static Outcome QuantizeShared(string name, string recipe, string data, DataOptions reading, int? measured)
    {
        Model model = Model.Load(Paths.Shared($"data/models/{name}.onnx"));
        string set = Paths.Shared(Sets + data.Split('/')[0]);
        DataSplit split = DataSets.OpenSplit(data.Contains('/', StringComparison.Ordinal) ? Path.Combine(set, data.Split('/')[1]) : set, model.Graph.Inputs, reading);
        return Quantize(model, recipe, measured is { } count ? split with { Measured = Evenly(split.Measured, count) } : split);
    }

    private static Outcome Quantize(Model model, string recipe, DataSplit data) =>
        Quantizer.Quantize(model, RecipeFile.Find(recipe), data, new QuantizerOptions
        {
            Calibration = new CalibrationOptions { Samples = 200 },
            Proof = new ProofOptions { LatencyBudget = TimeSpan.Zero, Details = false },
        }).Outcome;

    // sets may be sorted by class
    private static IDataSet Evenly(IDataSet data, int count) =>
        count >= data.Count ? data : new DataSubset(data, [.. Enumerable.Range(0, count).Select(i => (int)((long)i * data.Count / count))]);

    private static Preprocessing Steps(string text) => text.StartsWith('{') ? Preprocessing.FromJson(text) : Preprocessing.Parse(text);
}
