using Halftone.Onnx.Export;

namespace Halftone.Onnx.Tests.Export;

public class Float16Tests
{
    private static Draft Network()
    {
        var draft = new Draft();
        string x = draft.Input("x", -1, 1, 1, 3, 8, 8);
        string y = draft.Node("Conv", [x, draft.Const(draft.Floats(-0.3f, 0.3f, 4, 3, 3, 3)), draft.Const(draft.Floats(-1, 1, 4))]);
        y = draft.Node("Relu", [y]);
        string shape = draft.Node("Shape", [y]);
        string position = draft.Node("ArgMax", [y], n => n.With("axis", 1L));
        y = draft.Node("Reshape", [draft.Node("MaxPool", [y], n => n.With("kernel_shape", [2L, 2]).With("strides", [2L, 2])), draft.Const(Tensor.Of([1L, 36], 2))]);
        y = draft.Node("MatMul", [y, draft.Const(draft.Floats(-0.3f, 0.3f, 36, 5))]);
        draft.Output(draft.Node("Softmax", [y], output: "p"), rank: 2);
        draft.Output(shape, ElementType.Int64, 1);
        draft.Output(position, ElementType.Int64, 4);
        return draft;
    }

    [Theory]
    [InlineData(Float16Mode.Weights, false)]
    [InlineData(Float16Mode.Full, false)]
    [InlineData(Float16Mode.Full, true)]
    public void A_network_in_halves_loads_and_stays_close_and_goes_back(Float16Mode mode, bool halfEnds)
    {
        Draft draft = Network();
        Model model = draft.Build();
        float[] expected = Oracle.Run(model, draft.Feed)["p"].ToFloats();
        Model half = FormatConversion.Convert(model, ModelFormat.Float16, new() { Float16 = mode, HalfInputsAndOutputs = halfEnds }).Model;

        Assert.Equal(ModelFormat.Float16, FormatConversion.Detect(half));
        Assert.DoesNotContain(half.Graph.Initializers.Values, t => t.Type is ElementType.Float && t.Count > 1);
        Assert.Equal(halfEnds ? ElementType.Float16 : ElementType.Float, half.Graph.Inputs[0].Type);
        Assert.Equal(halfEnds ? ElementType.Float16 : ElementType.Float, half.Graph.Outputs[0].Type);
        Dictionary<string, Tensor> feed = halfEnds
            ? new() { ["x"] = Tensor.Of([.. draft.Feed["x"].ToFloats().Select(v => (Half)v)], draft.Feed["x"].Dims.AsSpan()) } : draft.Feed;
        Dictionary<string, Tensor> outputs = Oracle.Run(half, feed);
        Assert.InRange(Oracle.MaxDifference(expected, outputs["p"].ToFloats()), 0, 5e-3);
        Assert.Equal(3, outputs.Count);
        Assert.InRange(Oracle.MaxDifference(expected, Oracle.Run(half, feed, optimize: true)["p"].ToFloats()), 0, 5e-3);

        Model back = FormatConversion.Convert(half, ModelFormat.Float).Model;
        Assert.Equal(ModelFormat.Float, FormatConversion.Detect(back));
        Assert.InRange(Oracle.MaxDifference(expected, Oracle.Run(back, draft.Feed)["p"].ToFloats()), 0, 5e-3);
    }

    [Fact]
    public void Weights_alone_compute_in_float_on_rounded_weights()
    {
        var draft = new Draft();
        Tensor w = draft.Floats(-3, 3, 16, 4);
        draft.Input("x", -1, 1, 2, 16);
        draft.Output(draft.Node("MatMul", ["x", draft.Const(w)]));
        Model model = draft.Build();
        Model half = FormatConversion.Convert(model, ModelFormat.Float16).Model;

        var rounded = new Draft();
        rounded.Input("x", draft.Feed["x"]);
        rounded.Output(rounded.Node("MatMul", ["x", rounded.Const(Tensor.Of([.. w.ToFloats().Select(v => (float)(Half)v)], 16, 4))]));
        Assert.Equal(Oracle.Output(rounded.Build(), draft.Feed), Oracle.Output(half, draft.Feed));
    }

    [Fact]
    public void What_overflows_is_clamped_and_named_and_measured_overflow_stays_float()
    {
        var draft = new Draft();
        draft.Input("x", 1, 2, 1, 2);
        string w = draft.Const(Tensor.Of([1e6f, 1e-9f], 2, 1));
        string y = draft.Node("MatMul", ["x", w]);
        draft.Output(y);
        Model model = draft.Build();

        ConversionResult clamped = FormatConversion.Convert(model, ModelFormat.Float16);
        Assert.Contains(clamped.Notes, n => n.Contains(w, StringComparison.Ordinal) && n.Contains("65504", StringComparison.Ordinal));
        Assert.Contains(clamped.Notes, n => n.Contains("became 0", StringComparison.Ordinal));
        Assert.InRange(Oracle.Output(clamped.Model, draft.Feed)[0], 65000f, 132000f);

        ConversionOptions options = new() { Float16 = Float16Mode.Full, AbsoluteMaxima = new Dictionary<string, double> { [y] = 2e6 } };
        ConversionResult kept = FormatConversion.Convert(model, ModelFormat.Float16, options);
        Assert.Contains(kept.Notes, n => n.Contains("stays float", StringComparison.Ordinal));
        Assert.Equal(Oracle.Output(model, draft.Feed), Oracle.Output(kept.Model, draft.Feed));
    }

    [Theory]
    [InlineData("fashion_mnist_cnn.onnx")]
    [InlineData("resnet8_cifar10_bn.onnx")]
    [InlineData("fsrcnn_x2.onnx")]
    [InlineData("silero_vad_16k_op15.onnx")]
    public void Real_models_load_in_both_modes(string file)
    {
        Model model = Model.Load(Paths.Shared("data/models/" + file));
        foreach (Float16Mode mode in Enum.GetValues<Float16Mode>())
        {
            Model half = FormatConversion.Convert(model, ModelFormat.Float16, new() { Float16 = mode }).Model;
            Assert.True(half.ToBytes().Length < 0.75 * model.ToBytes().Length || file.StartsWith("silero", StringComparison.Ordinal));
            using var session = new Microsoft.ML.OnnxRuntime.InferenceSession(half.ToBytes());
            Assert.Equal(model.Graph.Outputs.Select(o => o.Name), session.OutputNames);
        }
    }
}
