using Halftone.Onnx.Proto;
using Halftone.Samples.Train;

namespace Halftone.Training.Tests.Samples;

public sealed class SampleFilesTests
{
    // What the whole test set must reach is 92.5 % and 91.5 %; 2,500 images of it may lie two standard errors
    // (2 sqrt(0.92 * 0.08 / 2500) = 1.1 %) below.
    [Theory]
    [InlineData("fashion_resnet", 0.914)]
    [InlineData("fashion_mobilenet", 0.904)]
    public void A_sample_model_is_small_and_right(string name, double least)
    {
        byte[] model = File.ReadAllBytes(Path.Combine(SampleFiles.Folder, $"{name}.onnx"));
        Assert.True(model.Length < 2_000_000, $"{model.Length} bytes");
        Assert.InRange(OnnxAccuracy.Measure(model, SampleFiles.Test, threads: 1), least, 1);
    }

    [Fact]
    public void A_sample_model_has_the_nodes_that_its_network_says()
    {
        foreach (NetworkSpec spec in Networks.All)
        {
            ModelProto model = ModelProto.Parser.ParseFrom(File.ReadAllBytes(Path.Combine(SampleFiles.Folder, $"{spec.Name}.onnx")));
            Assert.Equal([.. spec.Steps.Select(step => step.Name)], model.Graph.Node.Select(node => node.Output[0]).Where(name => !name.EndsWith(".flatten", StringComparison.Ordinal)));
        }
    }

    [Fact]
    public void The_test_images_are_as_many_as_promised()
    {
        ImageSet test = SampleFiles.Test;
        Assert.Equal(2500, test.Count);
        Assert.Equal(2500 * FashionMnist.Pixels, test.Pixels.Length);
    }

    [Fact]
    public void The_calibration_images_are_balanced()
    {
        ImageSet calibration = SampleFiles.Calibration;
        Assert.Equal(512, calibration.Count);
        Assert.Equal(512 * FashionMnist.Pixels, calibration.Pixels.Length);
        Assert.All(calibration.Labels.CountBy(label => label), pair => Assert.InRange(pair.Value, 51, 52));
    }

    [Fact]
    public void The_class_names_are_those_of_the_program()
        => Assert.Equal(FashionMnist.ClassNames, File.ReadAllLines(Path.Combine(SampleFiles.Folder, "fashion-mnist", "classes.txt")));
}
