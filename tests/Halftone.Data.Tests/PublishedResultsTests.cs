using Halftone.Data.Metrics;
using Halftone.Onnx;
using Microsoft.ML.OnnxRuntime;
using Tensor = Halftone.Onnx.Tensor;

namespace Halftone.Data.Tests;

/// <summary>Reader, preprocessing, batching and metric together must give the accuracy that is known of each model.</summary>
public sealed class PublishedResultsTests
{
    [Theory]
    [InlineData("mnist_cntk.onnx", "mnist", "none", null, 98.91, 0.005)]
    [InlineData("resnet20_cifar10_ft.onnx", "cifar10-jpeg/test_a.bin.gz", "imagenet", 1000, 85.76, 2.5)]
    [InlineData("resnet8_cifar10.onnx", "cifar10-jpeg", "none", 1000, 76.44, 3)]
    [InlineData("squeezenet_dc_imagenet.onnx", "imagenet-val", "caffe", 100, 71.8, 10)]
    [InlineData("ppocr_cls.onnx", "ocr-lines", "minus-one-to-one,bgr,fit-height,48x192", null, 97.92, 0.5)]
    [InlineData("dscnn_kws.onnx", "kws-features/x_int8.npy", "{\"scale\":0.5847029,\"mean\":48.5303407}", null, 92.4, 0.01)]
    public void The_known_accuracy_is_met(string model, string data, string preprocessing, int? limit, double expected, double tolerance)
    {
        (IDataSet set, InferenceSession session) = Open(model, data, new DataOptions { Preprocessing = Steps(preprocessing), Limit = limit, Seed = 1 });
        using InferenceSession owned = session;
        Assert.True(set.HasLabels);
        Measured top1 = Measure(new Top1(), set, session, 50);
        Assert.InRange(top1.Value, expected - tolerance, expected + tolerance);
        Assert.Equal(set.Count, top1.Count);
    }

    [Fact]
    public void The_known_PSNR_of_super_resolution_is_met()
    {
        string folder = Paths.Shared("data/datasets/superres-y");
        (IDataSet set, InferenceSession session) = Open("fsrcnn_x2.onnx", "superres-y/*_lr2.png", new DataOptions { Preprocessing = Preprocessing.Parse("unit"), Targets = Path.Combine(folder, "*_hr.png") });
        using InferenceSession owned = session;
        Measured psnr = Measure(new Psnr { Border = 4 }, set, session, 1);
        Assert.Equal(11, psnr.Count);
        Assert.Equal(29.48, psnr.Value, 0.02);
    }

    [Theory]
    [InlineData("stories260K_sampled_ids.npy", 3.616)]
    [InlineData("stories260K_real_ids.npy", 3.308)]
    public void The_known_perplexity_is_met(string ids, double expected)
    {
        (IDataSet set, InferenceSession session) = Open("stories260K.onnx", "text/" + ids, new DataOptions());
        using InferenceSession owned = session;
        Assert.Equal(expected, Measure(new Perplexity(), set, session, 4).Value, 0.001);
    }

    [Fact]
    public void Labels_show_that_channels_are_swapped()
    {
        var wrong = Preprocessing.Parse("caffe,rgb");
        (IDataSet _, InferenceSession session) = Open("squeezenet_dc_imagenet.onnx", "imagenet-val", new DataOptions { Preprocessing = wrong });
        using InferenceSession owned = session;
        var others = new[] { "none", "caffe" }.Select(Preprocessing.Parse);
        PreprocessComparison found = PreprocessCheck.Compare(wrong, others, steps => Scores(session, steps), labelled: true);
        Assert.Equal(Preprocessing.Parse("caffe"), found.Better);

        double[] Scores(InferenceSession running, Preprocessing steps)
        {
            IDataSet data = DataSets.Open(Paths.Shared("data/datasets/imagenet-val"), Inputs(running), new DataOptions { Preprocessing = steps, Limit = 60 });
            IMeasurement measurement = new Top1().Start();
            return [.. Batches.Of(data, null, 25, new SkippedFiles()).SelectMany(b => b.Split(Run(running, b.Inputs))).Select(s => measurement.Add(s.Sample, s.Outputs))];
        }
    }

    [Fact]
    public void Carried_state_starts_at_zeros_and_scalars_are_shared()
    {
        using var folder = new TemporaryFolder();
        float[] audio = new float[3 * 576];
        Files.Npz(folder.File("a.npz"), ("input", Files.Npy("<f4", "(3, 576)", audio)), ("sr", Files.Npy("<i8", "()", [16000L])));
        var links = new Dictionary<string, string> { ["stateN"] = "state" };
        (IDataSet set, InferenceSession session) = Open("silero_vad_16k_op15.onnx", folder.File("a.npz"), new DataOptions { StateLinks = [.. links] });
        using InferenceSession owned = session;
        Assert.Equal(3, set.Count);
        Assert.True(set.Read(0).StartsSequence);
        Assert.False(set.Read(1).StartsSequence);
        Assert.All(Batches.Of(set, null, 8, new SkippedFiles()), b => Assert.Single(b.Samples));
        Assert.Contains("stateN", Run(session, set.Read(0).Inputs).Keys);
    }

    private static Preprocessing Steps(string text) => text.StartsWith('{') ? Preprocessing.FromJson(text) : Preprocessing.Parse(text);

    private static (IDataSet Set, InferenceSession Session) Open(string model, string data, DataOptions options)
    {
        string path = Paths.Shared("data/models/" + model);
        string folder = Paths.Shared("data/datasets");
        using var threads = new SessionOptions { IntraOpNumThreads = 1 };
        var session = new InferenceSession(path, threads);
        return (DataSets.Open(Path.Combine(folder, data), Inputs(session), options), session);
    }

    private static ValueInfo[] Inputs(InferenceSession session) =>
        [.. session.InputMetadata.Select(i => new ValueInfo(i.Key, (ElementType)(int)i.Value.ElementDataType, [.. i.Value.Dimensions.Select(d => d < 0 ? (long?)null : d)]))];

    private static Measured Measure(IMetric metric, IDataSet set, InferenceSession session, int batch)
    {
        IMeasurement measurement = metric.Start();
        foreach (Batch b in Batches.Of(set, null, batch, new SkippedFiles()))
        {
            foreach ((Sample sample, IReadOnlyDictionary<string, Tensor> outputs) in b.Split(Run(session, b.Inputs)))
            {
                measurement.Add(sample, outputs);
            }
        }

        return measurement.Result();
    }

    private static Dictionary<string, Tensor> Run(InferenceSession session, IReadOnlyDictionary<string, Tensor> inputs)
    {
        Dictionary<string, OrtValue> values = inputs.ToDictionary(i => i.Key, i => i.Value.Type == ElementType.Int64
            ? OrtValue.CreateTensorValueFromMemory(i.Value.ToInt64s(), [.. i.Value.Dims])
            : OrtValue.CreateTensorValueFromMemory(i.Value.ToFloats(), [.. i.Value.Dims]));
        try
        {
            using var options = new RunOptions();
            using IDisposableReadOnlyCollection<OrtValue> outputs = session.Run(options, values, session.OutputNames);
            return session.OutputNames.Zip(outputs).ToDictionary(o => o.First, o => Tensor.Of(o.Second.GetTensorDataAsSpan<float>(), o.Second.GetTensorTypeAndShape().Shape));
        }
        finally
        {
            foreach (OrtValue value in values.Values)
            {
                value.Dispose();
            }
        }
    }
}
