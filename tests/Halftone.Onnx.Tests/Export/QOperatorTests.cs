using Halftone.Onnx.Export;

namespace Halftone.Onnx.Tests.Export;

public class QOperatorTests
{
    private const float InputScale = 0.02f;
    private const float OutputScale = 0.05f;

    /// <summary>unit; the integer operator it becomes; whether that is exact.</summary>
    private static readonly Dictionary<string, (string Op, bool Exact)> s_units = new()
    {
        ["conv"] = ("QLinearConv", false),
        ["conv without bias"] = ("QLinearConv", false),
        ["conv with float bias"] = ("QLinearConv", false),
        ["grouped conv"] = ("QLinearConv", false),
        ["depthwise conv"] = ("QLinearConv", false),
        ["conv relu"] = ("QLinearConv", false),
        ["conv clip"] = ("QLinearConv", false),
        ["conv 1d"] = ("QLinearConv", false),
        ["gemm"] = ("QGemm", false),
        ["gemm transB"] = ("QGemm", false),
        ["gemm alpha beta"] = ("QGemm", false),
        ["gemm to float"] = ("QGemm", false),
        ["matmul"] = ("QLinearMatMul", false),
        ["matmul batch"] = ("QLinearMatMul", false),
        ["matmul of activations"] = ("QLinearMatMul", false),
        ["matmul to float"] = ("MatMulInteger", false),
        ["add"] = ("QLinearAdd", false),
        ["mul"] = ("QLinearMul", false),
        ["concat"] = ("QLinearConcat", false),
        ["where"] = ("QLinearWhere", false),
        ["averagepool"] = ("QLinearAveragePool", false),
        ["globalaveragepool"] = ("QLinearGlobalAveragePool", false),
        ["leakyrelu"] = ("QLinearLeakyRelu", false),
        ["sigmoid"] = ("QLinearSigmoid", false),
        ["softmax"] = ("QLinearSoftmax", false),
        ["maxpool"] = ("MaxPool", true),
        ["reshape"] = ("Reshape", true),
        ["transpose"] = ("Transpose", true),
        ["resize"] = ("Resize", true),
        ["slice"] = ("Slice", true),
        ["gather"] = ("Gather", true),
        ["relu on codes"] = ("Clip", true),
        ["clip on codes"] = ("Clip", true),
    };

    public static TheoryData<string, ElementType, ElementType, bool> Cases()
    {
        var cases = new TheoryData<string, ElementType, ElementType, bool>();
        foreach (string unit in s_units.Keys)
        {
            cases.Add(unit, ElementType.UInt8, ElementType.Int8, true);
            cases.Add(unit, ElementType.UInt8, ElementType.UInt8, false);
            cases.Add(unit, ElementType.Int8, ElementType.Int8, true);
        }

        return cases;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_unit_keeps_its_output_within_one_step_there_and_back(string unit, ElementType activation, ElementType weight, bool perChannel)
    {
        (string op, bool exact) = s_units[unit];
        Draft draft = Unit(unit, activation, weight, perChannel, seed: 7);
        Model qdq = draft.Build();
        Assert.Equal(ModelFormat.Qdq, FormatConversion.Detect(qdq));
        float[] expected = Oracle.Output(qdq, draft.Feed);
        Assert.True(expected.Distinct().Count() > 1, "a constant output tests nothing");

        Model integer = FormatConversion.Convert(qdq, ModelFormat.QOperator).Model;
        Assert.Contains(integer.Graph.Nodes, n => n.Op == op);
        Assert.All(integer.Graph.Nodes.Where(n => n.Op == op), n => Assert.DoesNotContain(n.Inputs, i => integer.Graph.Producer(i) is { Op: "DequantizeLinear" }));
        double step = exact ? 0 : unit.EndsWith("to float", StringComparison.Ordinal) ? 1e-4 : OutputScale * 1.001;
        Assert.InRange(Oracle.MaxDifference(expected, Oracle.Output(integer, draft.Feed)), 0, step);
        Assert.InRange(Oracle.MaxDifference(expected, Oracle.Output(integer, draft.Feed, optimize: true)), 0, step);

        Model back = FormatConversion.Convert(integer, ModelFormat.Qdq).Model;
        Assert.Equal(ModelFormat.Qdq, FormatConversion.Detect(back));
        Assert.InRange(Oracle.MaxDifference(expected, Oracle.Output(back, draft.Feed)), 0, step);
        Assert.InRange(Oracle.MaxDifference(expected, Oracle.Output(back, draft.Feed, optimize: true)), 0, step);

        Model real = FormatConversion.Convert(integer, ModelFormat.Float).Model;
        Assert.Equal(ModelFormat.Float, FormatConversion.Detect(real));
        Assert.Equal(expected.Length, Oracle.Output(real, draft.Feed).Length);
    }

    [Fact]
    public void Random_products_agree_within_one_step()
    {
        Gen.Select(Gen.Int[0, 11], Gen.Bool, Gen.Bool, Gen.Int[0, 10000]).Sample(
            (unit, signed, perChannel, seed) =>
            {
                Draft draft = Unit(s_units.Keys.ElementAt(unit), signed ? ElementType.Int8 : ElementType.UInt8, ElementType.Int8, perChannel, seed);
                Model qdq = draft.Build();
                Model integer = FormatConversion.Convert(qdq, ModelFormat.QOperator).Model;
                Assert.Contains(integer.Graph.Nodes, n => n.Op is "QLinearConv" or "QGemm");
                Assert.InRange(Oracle.MaxDifference(Oracle.Output(qdq, draft.Feed), Oracle.Output(integer, draft.Feed)), 0, OutputScale * 1.001);
            },
            iter: 60,
            threads: 1);
    }

    [Theory]
    [InlineData("MatMul", false)]
    [InlineData("Gemm", false)]
    [InlineData("Gemm", true)]
    [InlineData("Conv", false)]
    public void A_dynamically_quantized_product_becomes_an_integer_product(string op, bool transposed)
    {
        var draft = new Draft(seed: 3);
        bool conv = op == "Conv";
        string x = conv ? draft.Input("x", -2, 3, 2, 3, 6, 6) : draft.Input("x", -2, 3, 5, 16);
        string q = draft.Node("DynamicQuantizeLinear", [x], n => n.Proto.Output.AddRange(["x_scale", "x_zero"]));
        string real = draft.Node("DequantizeLinear", [q, "x_scale", "x_zero"]);
        string w = conv ? draft.Weight(ElementType.Int8, 0, 4, 3, 3, 3)
            : transposed ? draft.Weight(ElementType.Int8, 0, 8, 16) : draft.Weight(ElementType.Int8, 1, 16, 8);
        string bias = draft.Const(draft.Floats(-1, 1, conv ? 4 : 8));
        draft.Output(draft.Node(op, op == "MatMul" ? [real, w] : [real, w, bias], n => { if (transposed) { n.With("transB", 1L); } }));
        Model model = draft.Build();
        float[] expected = Oracle.Output(model, draft.Feed);

        Model integer = FormatConversion.Convert(model, ModelFormat.QOperator).Model;
        Assert.Contains(integer.Graph.Nodes, n => n.Op == (conv ? "ConvInteger" : "MatMulInteger"));
        Assert.InRange(Oracle.MaxDifference(expected, Oracle.Output(integer, draft.Feed)), 0, 1e-3);

        Model back = FormatConversion.Convert(integer, ModelFormat.Qdq).Model;
        Assert.DoesNotContain(back.Graph.Nodes, n => n.Op.EndsWith("Integer", StringComparison.Ordinal));
        Assert.InRange(Oracle.MaxDifference(expected, Oracle.Output(back, draft.Feed)), 0, 1e-3);
    }

    [Fact]
    public void What_has_no_integer_operator_stays_and_is_named()
    {
        var draft = new Draft();
        string x = draft.Pair(draft.Input("x", -2, 2, 1, 8), InputScale, 128, ElementType.UInt8);
        draft.Output(draft.Pair(draft.Node("Erf", [x]), 0.01f, 128, ElementType.UInt8));
        Model model = draft.Build();

        ConversionResult result = FormatConversion.Convert(model, ModelFormat.QOperator);

        Assert.Contains(result.Notes, n => n.Contains("(Erf)", StringComparison.Ordinal) && n.Contains("no integer operator", StringComparison.Ordinal));
        Assert.Equal(Oracle.Output(model, draft.Feed), Oracle.Output(result.Model, draft.Feed));
    }

    [Theory]
    [InlineData(0)] // symmetric codes: half of them are negative
    [InlineData(-100)]
    public void A_relu_that_saturation_does_not_cover_bounds_the_codes(int outputZero)
    {
        Draft draft = Unit("conv relu", ElementType.Int8, ElementType.Int8, perChannel: true, seed: 2, outputZero: outputZero);
        Model model = draft.Build();
        ConversionResult result = FormatConversion.Convert(model, ModelFormat.QOperator);
        Assert.DoesNotContain(result.Model.Graph.Nodes, n => n.Op is "Relu" or "Conv");
        Assert.Contains(result.Model.Graph.Nodes, n => n.Op is "Clip");

        float[] expected = Oracle.Output(model, draft.Feed);
        float[] found = Oracle.Output(result.Model, draft.Feed);
        Assert.Equal(0, expected.Min());
        Assert.Equal(0, found.Min());
        Assert.InRange(Oracle.MaxDifference(expected, found), 0, OutputScale * 1.001); // a code at a tie
    }

    [Theory]
    [InlineData("resnet8_cifar10_int8_qdq.onnx")]
    [InlineData("dscnn_kws_int8_qdq.onnx")]
    public void A_real_model_of_others_goes_to_every_format_and_back(string file)
    {
        Model model = Model.Load(Paths.Shared("data/models/" + file));
        Dictionary<string, Tensor> feed = Noise(model);
        float[] expected = Oracle.Output(model, feed);
        foreach (ModelFormat format in (ModelFormat[])[ModelFormat.Qdq, ModelFormat.Qcdq, ModelFormat.Qonnx, ModelFormat.QOperator])
        {
            Model back = FormatConversion.Convert(FormatConversion.Convert(model, format).Model, ModelFormat.Qdq).Model;
            Assert.Equal(expected, Oracle.Output(back, feed));
        }
    }

    [Theory]
    [InlineData("resnet8_cifar10_int8_qdq.onnx")]
    [InlineData("dscnn_kws_int8_qdq.onnx")]
    public void A_real_model_as_operators_computes_what_onnx_runtime_fuses_it_to(string file)
    {
        Model model = Model.Load(Paths.Shared("data/models/" + file));
        Dictionary<string, Tensor> feed = Noise(model);
        ConversionResult result = FormatConversion.Convert(model, ModelFormat.QOperator);
        Assert.DoesNotContain(result.Model.Graph.Nodes, n => n.Op is "Conv");
        float[] simulated = Oracle.Output(model, feed);
        float[] fused = Oracle.Output(model, feed, optimize: true);
        float[] plain = Oracle.Output(result.Model, feed);
        float[] optimized = Oracle.Output(result.Model, feed, optimize: true);
        float range = simulated.Max() - simulated.Min();

        // kernels without VNNI saturate where full-range weights meet full-range inputs, so what ONNX Runtime's own fusion errs is allowed
        double allowed = (range * 0.05) + (1.5 * Oracle.MaxDifference(simulated, fused));
        string found = $"fused {Oracle.MaxDifference(simulated, fused)}, operators {Oracle.MaxDifference(simulated, plain)}, optimized {Oracle.MaxDifference(simulated, optimized)}, range {range}";
        Assert.True(Oracle.MaxDifference(simulated, plain) <= allowed && Oracle.MaxDifference(simulated, optimized) <= allowed, found);

        Model back = FormatConversion.Convert(result.Model, ModelFormat.Qdq).Model;
        Assert.InRange(Oracle.MaxDifference(simulated, Oracle.Output(back, feed)), 0, range * 0.02);

        Model real = FormatConversion.Convert(model, ModelFormat.Float).Model;
        Assert.DoesNotContain(real.Graph.Nodes, n => n.Op.EndsWith("Linear", StringComparison.Ordinal));
        AssertSameNetwork(Model.Load(Paths.Shared("data/models/" + file.Replace("_int8_qdq", "", StringComparison.Ordinal))), real, feed);

        Model qonnx = FormatConversion.Convert(model, ModelFormat.Qonnx).Model;
        Assert.Equal(ModelFormat.Qonnx, FormatConversion.Detect(qonnx));
        Assert.Equal(Oracle.Output(model, feed), Oracle.Output(FormatConversion.Convert(qonnx, ModelFormat.Qdq).Model, feed));
    }

    /// <summary>The float model that was quantized: the same operators, weights and biases within an 8-bit step, the same answer.</summary>
    private static void AssertSameNetwork(Model trained, Model real, Dictionary<string, Tensor> feed)
    {
        Node[] operators = [.. trained.Graph.Nodes.Where(n => n.Op != "BatchNormalization")];

        // dscnn's pool over the whole plane was made global before it was quantized
        Assert.Equal(operators.Select(n => n.Op == "AveragePool" ? "GlobalAveragePool" : n.Op), real.Graph.Nodes.Select(n => n.Op));
        if (operators.Length < trained.Graph.Nodes.Count)
        {
            return; // the quantized dscnn comes from another training run, so its weights are others
        }

        foreach ((Node a, Node b) in operators.Zip(real.Graph.Nodes).Where(p => p.First.Op is "Conv" or "Gemm"))
        {
            // 8-bit weights; biases in steps of input scale times weight scale, which are coarse in the last layer
            foreach ((int place, float part) in (ReadOnlySpan<(int, float)>)[(1, 1 / 127f), (2, 0.02f)])
            {
                float[] expected = trained.Graph.Constant(a.Input(place))!.ToFloats();
                float[] found = real.Graph.Constant(b.Input(place))!.ToFloats();
                Assert.InRange(Oracle.MaxDifference(expected, found), 0, expected.Max(Math.Abs) * part);
            }
        }

        float[] before = Oracle.Output(trained, feed);
        float[] after = Oracle.Output(real, feed);
        Assert.Equal(Array.IndexOf(before, before.Max()), Array.IndexOf(after, after.Max()));
    }

    /// <summary>Uniform noise over the range of the first QuantizeLinear.</summary>
    private static Dictionary<string, Tensor> Noise(Model model)
    {
        var random = new Random(5);
        ValueInfo input = model.Graph.Inputs[0];
        long[] dims = [.. input.Dims!.Select(d => d ?? 1)];
        Node quantize = model.Graph.Nodes.First(n => n.Op == "QuantizeLinear");
        float scale = model.Graph.Constant(quantize.Input(1))!.ToFloats()[0];
        Tensor zero = model.Graph.Constant(quantize.Input(2))!;
        float low = ((zero.Type is ElementType.Int8 ? -128 : 0) - zero.ToFloats()[0]) * scale;
        int count = (int)dims.Aggregate(1L, (a, b) => a * b);
        return new() { [input.Name] = Tensor.Of([.. Enumerable.Range(0, count).Select(_ => low + (255 * scale * random.NextSingle()))], dims) };
    }

    private static Draft Unit(string unit, ElementType type, ElementType weight, bool perChannel, int seed, int? outputZero = null)
    {
        var draft = new Draft(seed: seed);
        bool signed = type is ElementType.Int8;
        int middle = signed ? 3 : 131;
        int lowest = signed ? -128 : 0;
        long groups = unit == "grouped conv" ? 2 : unit == "depthwise conv" ? 4 : 1;
        string In(string name, params long[] dims) => draft.Pair(draft.Input(name, -2.4f, 2.4f, dims), InputScale, middle, type);
        void Out(string value, float scale, int zero) => draft.Output(draft.Pair(value, scale, outputZero ?? zero, type));
        int Axis(int axis) => perChannel ? axis : -1;
        switch (unit)
        {
            case "conv" or "conv without bias" or "conv with float bias" or "grouped conv" or "depthwise conv" or "conv relu" or "conv clip" or "conv 1d":
                long[] spatial = unit == "conv 1d" ? [9] : [7, 6];
                string x = In("x", [2, 4, .. spatial]);
                string w = draft.Weight(weight, Axis(0), [8, 4 / groups, .. spatial.Select(_ => 3L)]);
                string[] bias = unit switch
                {
                    "conv without bias" => [],
                    "conv with float bias" => [draft.Const(draft.Floats(-1, 1, 8))],
                    _ => [draft.Bias(w, InputScale, 8)],
                };
                string y = draft.Node("Conv", [x, w, .. bias], n => n.With("group", groups).With("pads", Enumerable.Repeat(1L, 2 * spatial.Length)).With("strides", spatial.Select((_, i) => 1L + i)));
                y = unit == "conv relu" ? draft.Node("Relu", [y])
                    : unit == "conv clip" ? draft.Node("Clip", [y, draft.Const(Tensor.Scalar(0f)), draft.Const(Tensor.Scalar(255 * OutputScale))]) : y;
                Out(y, OutputScale, unit is "conv relu" or "conv clip" ? lowest : middle);
                break;
            case "gemm" or "gemm transB" or "gemm alpha beta" or "gemm to float":
                bool transposed = unit == "gemm transB";
                string a = In("x", 3, 12);
                string b = transposed ? draft.Weight(weight, Axis(0), 6, 12) : draft.Weight(weight, Axis(1), 12, 6);
                bool scaled = unit == "gemm alpha beta";
                string product = draft.Node("Gemm", [a, b, draft.Bias(b, InputScale, 6)], n => n.With("transB", transposed ? 1L : 0).With("alpha", scaled ? 0.5f : 1).With("beta", scaled ? 2f : 1));
                if (unit == "gemm to float")
                {
                    draft.Output(product);
                }
                else
                {
                    Out(product, OutputScale, middle);
                }

                break;
            case "matmul" or "matmul to float":
                string plain = draft.Node("MatMul", [In("x", 3, 12), draft.Weight(weight, Axis(1), 12, 6)]);
                if (unit == "matmul")
                {
                    Out(plain, OutputScale, middle);
                }
                else
                {
                    draft.Output(plain);
                }

                break;
            case "matmul batch":
                Out(draft.Node("MatMul", [In("x", 2, 3, 12), draft.Weight(weight, Axis(1), 12, 6)]), OutputScale, middle);
                break;
            case "matmul of activations":
                Out(draft.Node("MatMul", [In("x", 2, 3, 12), In("z", 2, 12, 4)]), OutputScale * 4, middle);
                break;
            case "add" or "mul":
                Out(draft.Node(unit == "add" ? "Add" : "Mul", [In("x", 2, 3, 4), In("z", 3, 1)]), OutputScale, middle);
                break;
            case "concat":
                Out(draft.Node("Concat", [In("x", 2, 3), In("z", 2, 5)], n => n.With("axis", 1L)), OutputScale, middle);
                break;
            case "where":
                string condition = draft.Input("c", Tensor.Of([true, false, true, true, false, false], 2, 3));
                Out(draft.Node("Where", [condition, In("x", 2, 3), In("z", 2, 3)]), OutputScale, middle);
                break;
            case "averagepool":
                Out(draft.Node("AveragePool", [In("x", 1, 2, 6, 6)], n => n.With("kernel_shape", [3L, 3]).With("pads", [1L, 1, 1, 1]).With("strides", [2L, 2])), OutputScale, middle);
                break;
            case "globalaveragepool" or "leakyrelu" or "sigmoid" or "softmax":
                string op = unit switch { "globalaveragepool" => "GlobalAveragePool", "leakyrelu" => "LeakyRelu", "sigmoid" => "Sigmoid", _ => "Softmax" };
                bool bounded = unit is "sigmoid" or "softmax";
                Out(draft.Node(op, [In("x", 2, 3, 4, 4)]), bounded ? 1 / 256f : OutputScale / 4, bounded ? lowest : middle);
                break;
            default:
                Out(OnCodes(draft, unit, In("x", 1, 3, 4, 4)), InputScale, middle);
                break;
        }

        return draft;
    }

    private static string OnCodes(Draft draft, string unit, string x) => unit switch
    {
        "maxpool" => draft.Node("MaxPool", [x], n => n.With("kernel_shape", [3L, 3]).With("pads", [1L, 1, 1, 1])),
        "reshape" => draft.Node("Reshape", [x, draft.Const(Tensor.Of([3L, 16], 2))]),
        "transpose" => draft.Node("Transpose", [x], n => n.With("perm", [0L, 2, 3, 1])),
        "resize" => draft.Node("Resize", [x, "", draft.Const(Tensor.Of([1f, 1, 2, 2], 4))], n => n.With("mode", "nearest")),
        "slice" => draft.Node("Slice", [x, draft.Const(Tensor.Of([1L], 1)), draft.Const(Tensor.Of([3L], 1)), draft.Const(Tensor.Of([2L], 1))]),
        "gather" => draft.Node("Gather", [x, draft.Const(Tensor.Of([2L, 0], 2))], n => n.With("axis", 1L)),
        "relu on codes" => draft.Node("Relu", [x]),
        "clip on codes" => draft.Node("Clip", [x, draft.Const(Tensor.Scalar(-1f)), draft.Const(Tensor.Scalar(1.5f))]),
        _ => throw new ArgumentException(unit),
    };
}
