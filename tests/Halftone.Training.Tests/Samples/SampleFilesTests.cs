using Halftone.Onnx.Proto;
using Halftone.Samples.Train;

namespace Halftone.Training.Tests.Samples;

public sealed class SampleFilesTests
{
    // the bars that the whole test set must reach hold on the images that are here, too
    [Theory]
    [InlineData("fashion_resnet", 0.925)]
    [InlineData("fashion_mobilenet", 0.915)]
    public void A_sample_model_is_small_and_right(string name, double least)
    {
        byte[] model = File.ReadAllBytes(Path.Combine(SampleFiles.Folder, $"{name}.onnx"));
        Assert.True(model.Length < 2_000_000, $"{model.Length} bytes");
        Assert.InRange(OnnxAccuracy.Measure(model, SampleFiles.Test, threads: 1), least, 1);
    }

    [Fact]
    public void Batch_normalizations_are_kept_and_each_follows_its_convolution()
    {
        foreach (NetworkSpec spec in Networks.All)
        {
            GraphProto graph = ModelProto.Parser.ParseFrom(File.ReadAllBytes(Path.Combine(SampleFiles.Folder, $"{spec.Name}.onnx"))).Graph;
            NodeProto[] convolutions = [.. graph.Node.Where(node => node.OpType == "Conv")];
            Assert.True(convolutions.Length > 8);
            Assert.All(convolutions, conv => Assert.Single(graph.Node, node => node.OpType == "BatchNormalization" && node.Input[0] == conv.Output[0]));
        }
    }

    [Fact]
    public void No_image_calibrates_and_measures()
    {
        HashSet<string> Images(ImageSet set) => [.. Enumerable.Range(0, set.Count).Select(i => Convert.ToHexString(set.Image(i)))];
        HashSet<string> test = Images(SampleFiles.Test);
        HashSet<string> calibration = Images(SampleFiles.Calibration);
        Assert.Equal(SampleFiles.Calibration.Count, calibration.Count);
        Assert.Empty(test.Intersect(calibration));
    }

    [Fact]
    public void No_image_is_measured_that_was_trained_on()
    {
        Assert.SkipUnless(Directory.Exists(FashionMnist.DebianFolder), "needs Fashion-MNIST: apt-get install dataset-fashion-mnist");
        ImageSet train = FashionMnist.Train(FashionMnist.DebianFolder);
        HashSet<string> trained = [.. Enumerable.Range(0, train.Count).Select(i => Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(train.Image(i))))];
        ImageSet test = SampleFiles.Test;
        Assert.DoesNotContain(Enumerable.Range(0, test.Count), i => trained.Contains(Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(test.Image(i)))));
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
