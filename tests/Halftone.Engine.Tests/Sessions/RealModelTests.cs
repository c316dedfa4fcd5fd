using Halftone.Data;
using Halftone.Onnx;
using Halftone.Onnx.Export;
using Halftone.OnnxRuntime;
using Halftone.PostTraining.Tests.Fusion;

namespace Halftone.Engine.Tests.Sessions;

/// <summary>Real networks on real inputs, beside ONNX Runtime as users run it.</summary>
public sealed class RealModelTests
{
    private const int Samples = 200;

    public static TheoryData<string, string, ModelFormat> Quantized => new()
    {
        { "fashion_resnet", "ort-int8", ModelFormat.Qdq },
        { "fashion_resnet", "tensorflow-int8", ModelFormat.Qdq }, // int8 activations
        { "fashion_resnet", "ort-int8", ModelFormat.QOperator },
        { "fashion_resnet", "pytorch-dynamic", ModelFormat.QOperator }, // ConvInteger and its like
        { "fashion_mobilenet", "ort-int8", ModelFormat.Qdq },
        { "fashion_mobilenet", "tensorflow-int8", ModelFormat.Qdq },
        { "fashion_mobilenet", "ort-int8", ModelFormat.QOperator },
        { "fashion_mobilenet", "weight-only-int8", ModelFormat.Qdq },
        { "resnet8", "ort-int8", ModelFormat.Qdq },
        { "resnet8", "tensorflow-int8", ModelFormat.Qdq },
        { "resnet8", "ort-int8", ModelFormat.QOperator },
        { "resnet20", "ort-int8", ModelFormat.Qdq },
        { "dscnn_kws", "ort-int8", ModelFormat.Qdq },
        { "dscnn_kws", "tensorflow-int8", ModelFormat.QOperator },
        { "squeezenet", "ort-int8", ModelFormat.Qdq },
        { "ppocr_cls", "ort-int8", ModelFormat.Qdq },
    };

    [Theory]
    [MemberData(nameof(Quantized))]
    public void The_same_class_wins(string name, string recipe, ModelFormat format)
    {
        Model model = QuantizedModels.Of(name, recipe).Quantized;
        SameClass(format is ModelFormat.Qdq ? model : FormatConversion.Convert(model, format).Model, Inputs(name, Samples));
    }

    [Theory]
    [InlineData("resnet8_cifar10_int8_qdq", "resnet8")]
    [InlineData("dscnn_kws_int8_qdq", "dscnn_kws")]
    public void The_same_class_wins_in_what_others_quantized(string file, string data) => SameClass(Model.Load(Paths.Shared($"data/models/{file}.onnx")), Inputs(data, Samples));

    [Theory]
    [InlineData("blazeface", "ort-int8")]
    [InlineData("fsrcnn", "ort-int8")]
    [InlineData("stories", "weight-only-int4")]
    public void Outputs_that_are_no_classes_are_near(string name, string recipe)
    {
        using OrtSession oracle = OrtSession.Load(QuantizedModels.Of(name, recipe).Quantized);
        using EngineSession session = EngineSession.Load(QuantizedModels.Of(name, recipe).Quantized);
        foreach (IReadOnlyDictionary<string, Tensor> input in Inputs(name, 4))
        {
            IReadOnlyDictionary<string, Tensor> actual = session.Run(input);
            foreach ((string output, Tensor expected) in oracle.Run(input))
            {
                (float[] e, float[] a) = (expected.ToFloats(), actual[output].ToFloats());
                double signal = e.Sum(v => (double)v * v);
                double noise = e.Zip(a, (x, y) => ((double)x - y) * ((double)x - y)).Sum();
                Assert.True(noise <= 1e-3 * signal, $"{output}: noise {noise:g3} of {signal:g3}"); // 30 dB: codes apart by one at ties
            }
        }
    }

    [Theory]
    [InlineData("fashion_resnet")]
    [InlineData("fashion_mobilenet")]
    [InlineData("resnet8")]
    [InlineData("resnet20")]
    [InlineData("dscnn_kws")]
    [InlineData("squeezenet")]
    [InlineData("ppocr_cls")]
    [InlineData("blazeface")]
    [InlineData("fsrcnn")]
    [InlineData("stories")]
    public void Floats_are_computed_too(string name) => NearFloats(QuantizedModels.Float(name), Inputs(name, 3));

    [Theory]
    [InlineData("resnet8_cifar10", "resnet8")]
    [InlineData("resnet20_cifar10", "resnet20")]
    [InlineData("resnet20_cifar10_bn", "resnet20")]
    [InlineData("resnet20_cifar10_ft_bn", "resnet20")]
    [InlineData("fashion_mnist_mlp", "fashion_resnet")]
    [InlineData("fashion_mnist_cnn", "fashion_resnet")]
    [InlineData("fashion_mnist_cnn_bn", "fashion_resnet")]
    [InlineData("mnist_cntk", "fashion_resnet")]
    public void Floats_of_other_files_are_computed_too(string file, string data) => NearFloats(Model.Load(Paths.Shared($"data/models/{file}.onnx")), Inputs(data, 3));

    [Fact]
    public void What_the_engine_lacks_is_named()
    {
        string path = Paths.Shared("data/models/silero_vad_16k_op15.onnx");
        ModelException error = Assert.Throws<ModelException>(() =>
        {
            using EngineSession session = EngineSession.Load(path);
            session.Run(new Dictionary<string, Tensor> { ["input"] = Tensor.Of(new float[576], 1, 576), ["state"] = Tensor.Of(new float[256], 2, 1, 128), ["sr"] = Tensor.Scalar(16000L) });
        });
        Assert.Contains("does not know the operator If of node '", error.Message, StringComparison.Ordinal);
    }

    private static List<IReadOnlyDictionary<string, Tensor>> Inputs(string name, int count)
    {
        IDataSet data = QuantizedModels.Data(name, count);
        return [.. Batches.Of(data, null, 1, new SkippedFiles(), CancellationToken.None).Select(b => b.Inputs)];
    }

    /// <summary>Inputs of data for one model under the names of another.</summary>
    private static Dictionary<string, Tensor> Named(IReadOnlyList<ValueInfo> inputs, IReadOnlyDictionary<string, Tensor> values) =>
        inputs.Count == 1 ? new() { [inputs[0].Name] = values.Values.Single() } : new(values);

    private static void SameClass(Model model, List<IReadOnlyDictionary<string, Tensor>> inputs)
    {
        using OrtSession oracle = OrtSession.Load(model);
        using EngineSession session = EngineSession.Load(model);
        int other = 0;
        foreach (IReadOnlyDictionary<string, Tensor> input in inputs)
        {
            Dictionary<string, Tensor> named = Named(session.Inputs, input);
            float[] expected = oracle.Run(named).Values.Single().ToFloats();
            float[] actual = session.Run(named).Values.Single().ToFloats();
            other += actual[Array.IndexOf(expected, expected.Max())] < actual.Max() ? 1 : 0;
        }

        Assert.True(inputs.Count >= 100 && other <= inputs.Count / 200, $"another class wins for {other} of {inputs.Count}");
    }

    private static void NearFloats(Model model, List<IReadOnlyDictionary<string, Tensor>> inputs)
    {
        using OrtSession oracle = OrtSession.Load(model);
        using EngineSession session = EngineSession.Load(model);
        foreach (IReadOnlyDictionary<string, Tensor> input in inputs)
        {
            Dictionary<string, Tensor> named = Named(session.Inputs, input);
            IReadOnlyDictionary<string, Tensor> actual = session.Run(named);
            foreach ((string output, Tensor expected) in oracle.Run(named))
            {
                (float[] e, float[] a) = (expected.ToFloats(), actual[output].ToFloats());
                Assert.Equal(expected.Dims, actual[output].Dims);
                double largest = e.Max(Math.Abs);
                double apart = e.Zip(a, (x, y) => Math.Abs((double)x - y)).Max();
                Assert.True(apart <= 1e-4 * largest, $"{output}: {apart:g3} apart, the largest is {largest:g3}");
            }
        }
    }
}
