using Halftone.Data;
using Halftone.Onnx;
using Halftone.PostTraining.Calibration;
using Halftone.PostTraining.Recipes;
using Halftone.PostTraining.Tests.Odd;

namespace Halftone.PostTraining.Tests;

/// <summary>The same seed gives the same bytes, whatever the number of threads.</summary>
public sealed class DeterminismTests
{
    [Theory]
    [InlineData("fashion_resnet", "ort-int8")]
    [InlineData("fashion_mobilenet", "ort-int8")]
    [InlineData("fashion_resnet", "tensorrt-int8")]
    [InlineData("fashion_mobilenet", "tensorflow-int8")]
    public void Samples_quantize_to_the_same_bytes(string model, string recipe) =>
        Same(FashionSamples.Load(model), RecipeFile.Find(recipe), FashionSamples.Calibration(96));

    [Theory]
    [InlineData("squeeze and excite", "ort-int8")]
    [InlineData("attention block", "pytorch-static-fbgemm")]
    [InlineData("attention block", "weight-only-int4")]
    [InlineData("lstm between products", "pytorch-dynamic")]
    [InlineData("squeeze and excite", "halftone-w4a4")]
    [InlineData("squeeze and excite", "lapq-w4a4")]
    [InlineData("attention block", "gptaq-w4")]
    [InlineData("attention block", "aciq-w4a4")]
    public void Odd_layers_quantize_to_the_same_bytes(string layer, string recipe)
    {
        Model model = OddLayers.Find(layer).Build();
        Same(model, RecipeFile.Find(recipe), OddLayers.Find(layer).Data(model, 40));
    }

    private static void Same(Model model, Recipe recipe, IDataSet data)
    {
        byte[] first = Bytes(1);
        Assert.Equal(first, Bytes(1));
        Assert.Equal(first, Bytes(2));

        byte[] Bytes(int threads) =>
            Jobs.Solve(model.Clone(), recipe, data, new QuantizerOptions { Seed = 3, Calibration = new CalibrationOptions { Threads = threads, BatchSize = 8 } }).Quantized.ToBytes();
    }
}
