using Halftone.Data;
using Halftone.Onnx;
using Halftone.PostTraining.Recipes;

namespace Halftone.PostTraining.Tests.Equalization;

/// <summary>Data-free quantization from end to end (Nagel et al. 2019): equalized, biases absorbed, ranges and corrections from normalization alone; only the test sees images.</summary>
public sealed class DataFreeTests
{
    [Theory]
    [InlineData("fashion_resnet")]
    [InlineData("fashion_mobilenet")]
    public void Eight_bits_by_tensor_without_an_image_lose_little(string name) =>
        RequireClose(FashionSamples.Load(name), [-0.8103, 2.0227], FashionSamples.Test(500));

    [Fact]
    public void Eight_bits_by_tensor_of_ResNet20_without_an_image_lose_little()
    {
        Model model = Model.Load(Paths.Shared("data/models/resnet20_cifar10_ft_bn.onnx"));
        DataSplit split = DataSets.OpenSplit(Paths.Shared("data/datasets/cifar10-jpeg"), model.Graph.Inputs, new DataOptions { Preprocessing = Preprocessing.Parse("imagenet") });
        RequireClose(model, [-2.12, 2.64], new DataSubset(split.Measured, [.. Batches.Evenly(split.Measured.Count, 1000)]));
    }

    [Fact]
    public void Without_the_range_of_the_input_or_normalization_it_says_what_is_missing()
    {
        Recipe recipe = Recipe.Find("dfq-int8");
        DataException input = Assert.Throws<DataException>(() => Jobs.Start(FashionSamples.Load("fashion_resnet"), recipe, data: null));
        Assert.Contains("--input-range", input.Message, StringComparison.Ordinal);

        var net = new Net([1, 4, 8, 8]);
        net.Op("Erf", [net.Conv("x", "c1", 4, 4)], "e");
        net.Op("Conv", ["e", net.Constant("w", 1, 4, 4, 1, 1)], "y");
        Model model = net.Model;
        DataException folded = Assert.Throws<DataException>(() => Jobs.Start(model, recipe, data: null));
        Assert.Contains("batch normalization", folded.Message, StringComparison.Ordinal);
    }

    private static void RequireClose(Model model, double[] input, IDataSet test)
    {
        Recipe recipe = Recipe.Find("dfq-int8");
        recipe = recipe with { Target = "ort-x64-vnni", Activations = recipe.Activations with { InputRange = [.. input] } };
        (_, Model quantized) = Jobs.Solve(model, recipe, data: null);
        (double before, double after) = (Equalized.Accuracy(model, test), Equalized.Accuracy(quantized, test));
        Assert.True(after >= before - 2, $"float {before:F1}, int8 {after:F1}");
    }
}
