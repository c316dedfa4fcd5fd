using System.Text.Json;

namespace Halftone.Cli.Tests.EndToEnd;

/// <summary>Commands that give the accuracies which are known of published models.</summary>
public sealed class SharedModelsTests
{
    private const string Kws = """{ "scale": 0.5847029, "mean": 48.5303407 }""";

    [Theory]
    [InlineData("dscnn_kws", "kws-features/x_int8.npy --preprocess kws.json", 92.4, 0.001)]
    [InlineData("ppocr_cls", "ocr-lines --preprocess minus-one-to-one,bgr,fit-height,48x192", 97.92, 0.5)] // one image of 240 falls otherwise under another resize filter
    [InlineData("resnet20_cifar10_ft", "cifar10-jpeg --preprocess imagenet --samples 1000", 85.76, 2.5)] // three standard errors
    [InlineData("resnet8_cifar10", "cifar10-jpeg --samples 1000", 76.44, 3.5)]
    [InlineData("mnist_cntk", "mnist --samples 2000", 98.91, 0.7)]
    [InlineData("squeezenet_dc_imagenet", "imagenet-val --preprocess caffe --samples 100", 71.8, 13)]
    [InlineData("stories260K", "text/stories260K_sampled_ids.npy", 3.616, 0.001)]
    [InlineData("stories260K", "text/stories260K_real_ids.npy", 3.308, 0.001)]
    [InlineData("fsrcnn_x2", "superres-y/*_lr2.png --targets superres-y/*_hr.png --preprocess unit --metric psnr:border=4", 29.48, 0.005)]
    public async Task Evaluate_gives_the_known_accuracy(string model, string line, double expected, double tolerance)
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder.File("kws.json"), Kws);
        string[] words = [.. line.Split(' ').Select(w => w == "kws.json" ? folder.File(w) : w.Contains('/', StringComparison.Ordinal) ? InData(w) : w)];
        words[0] = Path.IsPathRooted(words[0]) ? words[0] : InData(words[0]);
        Ran ran = await CommandLine.Run(["evaluate", Paths.Shared($"data/models/{model}.onnx"), "--data", .. words, "--json"]);
        Assert.True(ran.Code is ExitCode.Ok, ran.Error);
        Assert.Equal(expected, JsonElement.Parse(ran.Out).GetProperty("value").GetDouble(), tolerance);
        Assert.DoesNotContain("warning", ran.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Swapped_channels_are_said()
    {
        Ran ran = await CommandLine.Run("evaluate", Paths.Shared("data/models/squeezenet_dc_imagenet.onnx"), "--data", InData("imagenet-val"), "--preprocess", "caffe,rgb", "--samples", "8");
        Assert.Contains("Give --preprocess caffe, or", ran.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_model_that_only_guesses_is_said()
    {
        Ran ran = await CommandLine.Run("evaluate", Paths.Shared("data/models/dscnn_kws.onnx"), "--data", InData("kws-features/x_int8.npy"));
        Assert.Contains("no more than guessing", ran.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Several_outputs_are_compared()
    {
        string model = Paths.Shared("data/models/blazeface_front_128.onnx");
        Ran ran = await CommandLine.Run("compare", model, model, "--data", InData("imagenet-val/images"), "--preprocess", "minus-one-to-one,stretch", "--samples", "4");
        Assert.Equal(4, ran.Out.Split("largest difference 0").Length - 1);
    }

    // a pattern's star is no part of what must be there
    private static string InData(string relative) => Path.Combine(Paths.Shared("data/datasets"), relative);
}
