using Halftone.Onnx.Proto;
using Halftone.Samples.Train;
using Microsoft.ML.OnnxRuntime;
using TorchSharp;
using static TorchSharp.torch;

namespace Halftone.Training.Tests.Samples;

public sealed class OnnxExportTests
{
    // Sums of a few hundred float products in another order; the logits are of the order of 1.
    private const float Tolerance = 1e-4f;

    public static TheoryData<string> Names => [.. Networks.All.Select(spec => spec.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void The_exported_model_computes_what_the_network_computes(string name)
    {
        (NetworkSpec spec, TrainableNetwork network) = Trained(name);
        using (network)
        {
            byte[] model = OnnxExport.Export(spec, network);
            using InferenceSession session = new(model);
            using RunOptions run = new();
            foreach (int count in (int[])[1, 5])
            {
                using DisposeScope scope = NewDisposeScope();
                (float[] images, _) = Batches.InOrder(SampleFiles.Calibration, count).First();
                float[] expected = network.forward(tensor(images, [count, 1, FashionMnist.Size, FashionMnist.Size])).detach().data<float>().ToArray();
                using OrtValue input = OrtValue.CreateTensorValueFromMemory(images, [count, 1, FashionMnist.Size, FashionMnist.Size]);
                using IDisposableReadOnlyCollection<OrtValue> outputs = session.Run(run, [NetworkSpec.Input], [input], [NetworkSpec.Output]);
                Assert.All(expected.Zip(outputs[0].GetTensorDataAsSpan<float>().ToArray()), pair => Assert.Equal(pair.First, pair.Second, Tolerance));
            }
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Batch_normalization_stays_and_convolutions_have_no_bias(string name)
    {
        (NetworkSpec spec, TrainableNetwork network) = Trained(name);
        using (network)
        {
            ModelProto model = ModelProto.Parser.ParseFrom(OnnxExport.Export(spec, network));
            Assert.Equal(17, Assert.Single(model.OpsetImport).Version);
            Assert.Equal("N", model.Graph.Input.Single().Type.TensorType.Shape.Dim[0].DimParam);
            Assert.All(model.Graph.Node.Where(node => node.OpType == "Conv"), node => Assert.Equal(2, node.Input.Count));
            Assert.All(model.Graph.Node.Where(node => node.OpType == "Clip"), node => Assert.Equal(3, node.Input.Count));
            Assert.Equal(spec.Steps.OfType<BatchNormalization>().Count(), model.Graph.Node.Count(node => node.OpType == "BatchNormalization"));
            Assert.Equal(spec.Steps.OfType<Addition>().Count(), model.Graph.Node.Count(node => node.OpType == "Add"));
            Assert.True(spec.Steps.OfType<Addition>().Any());
        }
    }

    // One step, so that the running statistics and all weights differ from what they start with.
    private static (NetworkSpec Spec, TrainableNetwork Network) Trained(string name)
    {
        NativeLibraries.Prepare();
        set_num_threads(1);
        random.manual_seed(2);
        NetworkSpec spec = Networks.All.Single(spec => spec.Name == name);
        TrainableNetwork network = new(spec);
        (float[] images, long[] labels) = Batches.InOrder(SampleFiles.Calibration, 32).First();
        using Trainer trainer = new(network, new TrainingOptions { Epochs = 1, LearningRate = 0.01 });
        trainer.Step(images, labels, 1);
        trainer.UseAverage();
        return (spec, network);
    }
}
