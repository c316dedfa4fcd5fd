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

    [Theory]
    [InlineData(Float16Mode.Weights)]
    [InlineData(Float16Mode.Full)]
    public void Constants_beyond_the_halves_stay_float_and_are_named(Float16Mode mode)
    {
        var draft = new Draft();
        draft.Input("x", 1, 2, 1, 2);
        string w = draft.Const(Tensor.Of([1e6f, 2f], 2, 1));
        string y = draft.Node("MatMul", ["x", w]);
        draft.Output(draft.Node("Add", [y, draft.Const(Tensor.Of([float.NegativeInfinity, 0], 2))]));
        Model model = draft.Build();

        ConversionResult half = FormatConversion.Convert(model, ModelFormat.Float16, new() { Float16 = mode });
        Assert.Contains(half.Notes, n => n.Contains(w, StringComparison.Ordinal) && n.Contains("65504", StringComparison.Ordinal));
        Assert.Equal(ElementType.Float, half.Model.Graph.Constant(w)!.Type);
        float[] expected = Oracle.Output(model, draft.Feed);
        Assert.Equal(expected[0], Oracle.Output(half.Model, draft.Feed)[0]); // -infinity is a half
    }

    [Fact]
    public void What_is_lost_is_named_and_measured_overflow_stays_float()
    {
        var draft = new Draft();
        draft.Input("x", 1000, 2000, 1, 2);
        string w = draft.Const(Tensor.Of([1000f, 1e-9f], 2, 1));
        string y = draft.Node("MatMul", ["x", w]);
        draft.Output(y);
        Model model = draft.Build();
        Assert.Contains(FormatConversion.Convert(model, ModelFormat.Float16).Notes, n => n.Contains("became 0", StringComparison.Ordinal));

        ConversionOptions options = new() { Float16 = Float16Mode.Full, AbsoluteMaxima = new Dictionary<string, double> { [y] = 2e6 } };
        ConversionResult kept = FormatConversion.Convert(model, ModelFormat.Float16, options);
        Assert.Contains(kept.Notes, n => n.Contains("stays float", StringComparison.Ordinal));
        Assert.Equal(Oracle.Output(model, draft.Feed), Oracle.Output(kept.Model, draft.Feed));
    }

    [Theory]
    [InlineData("samples/fashion_resnet")]
    [InlineData("samples/fashion_mobilenet")]
    public void The_bundled_networks_agree_in_both_modes(string file) => Agree(Model.Load(Paths.InRepository(file + ".onnx")), new FileInfo(Paths.InRepository(file + ".onnx")).Length);

    [Theory]
    [InlineData("mnist_cntk")]
    [InlineData("fashion_mnist_mlp")]
    [InlineData("fashion_mnist_cnn")]
    [InlineData("fashion_mnist_cnn_bn")]
    [InlineData("resnet8_cifar10")]
    [InlineData("resnet8_cifar10_bn")]
    [InlineData("resnet8_cifar10_int8_qdq")]
    [InlineData("resnet20_cifar10")]
    [InlineData("resnet20_cifar10_bn")]
    [InlineData("resnet20_cifar10_ft")]
    [InlineData("resnet20_cifar10_ft_bn")]
    [InlineData("dscnn_kws")]
    [InlineData("dscnn_kws_int8_qdq")]
    [InlineData("squeezenet_dc_imagenet")]
    [InlineData("stories260K")]
    [InlineData("fsrcnn_x2")]
    [InlineData("ppocr_cls")]
    [InlineData("blazeface_front_128")]
    [InlineData("silero_vad_16k_op15")]
    public void Real_models_agree_in_both_modes(string file) => Agree(Model.Load(Paths.Shared($"data/models/{file}.onnx")), new FileInfo(Paths.Shared($"data/models/{file}.onnx")).Length);

    private static void Agree(Model model, long size)
    {
        Dictionary<string, Tensor> feed = model.Graph.Inputs.ToDictionary(i => i.Name, Plausible);
        Dictionary<string, Tensor> expected = Oracle.Run(model, feed, optimize: true);
        foreach (Float16Mode mode in Enum.GetValues<Float16Mode>())
        {
            ConversionResult half = FormatConversion.Convert(model, ModelFormat.Float16, new() { Float16 = mode });
            Assert.True(half.Model.ToBytes().Length < 0.75 * size || half.Notes.Any(n => n.Contains("subgraphs", StringComparison.Ordinal) || n.Contains("Relu", StringComparison.Ordinal)) || FormatConversion.Detect(model) is ModelFormat.Qdq);
            Dictionary<string, Tensor> found = Oracle.Run(half.Model, feed, optimize: true);
            Assert.Equal(expected.Keys, found.Keys);
            if (mode is Float16Mode.Weights && FormatConversion.Detect(half.Model) is ModelFormat.Float16)
            {
                // float again, with the halves' values
                Model back = FormatConversion.Convert(half.Model, ModelFormat.Float).Model;
                Assert.Equal(ModelFormat.Float, FormatConversion.Detect(back));
                Assert.All(Oracle.Run(back, feed, optimize: true), b => Assert.InRange(Oracle.MaxDifference(found[b.Key].ToFloats(), b.Value.ToFloats()), 0, 1e-5 * Math.Max(1, found[b.Key].ToFloats().Max(Math.Abs))));
            }

            foreach ((string name, Tensor value) in expected.Where(e => e.Value.Type is ElementType.Float))
            {
                // 11 bits a number; quantized models lose their rounding on the way
                float[] before = value.ToFloats();
                double largest = before.Max(Math.Abs);
                Assert.InRange(Oracle.MaxDifference(before, found[name].ToFloats()), 0, largest * (FormatConversion.Detect(model) is ModelFormat.Qdq ? 0.25 : 0.02));
            }
        }
    }

    /// <summary>Noise of the range that the development models take; ids and rates where they are whole numbers.</summary>
    private static Tensor Plausible(ValueInfo input)
    {
        var random = new Random(1);
        long open = input.Type is ElementType.Float && input.Dims?.Count == 2 ? 576 : 32; // samples of audio, or pixels
        long[] dims = [.. (input.Dims ?? []).Select((d, i) => d ?? (i == 0 || input.Dims!.Count == 3 ? 1 : open))];
        int count = (int)dims.Aggregate(1L, (a, b) => a * b);
        return input.Type is ElementType.Int64
            ? Tensor.Of([.. Enumerable.Range(0, count).Select(_ => dims.Length == 0 ? 16000L : random.Next(1, 500))], dims)
            : Tensor.Of([.. Enumerable.Range(0, count).Select(_ => random.NextSingle())], dims);
    }
}
