using System.Globalization;
using System.Text;
using Halftone.Formats;
using Halftone.Numerics;
using Halftone.Onnx.Export;
using Halftone.Onnx.Targets;

namespace Halftone.Onnx.Tests.Targets;

public sealed class TargetRulesTests
{
    public static TheoryData<string> Rules => [.. TargetRules.All.Select(r => r.Id)];

    public static TheoryData<string> Runtimes => ["ort-x64", "ort-x64-vnni", "ort-arm64", "portable", "tensorrt", "tflite"];

    [Theory]
    [MemberData(nameof(Rules))]
    public void A_model_that_breaks_a_rule_is_told_so(string id)
    {
        (string target, Func<Model> make) = BrokenModels.All[id];
        Assert.Contains(TargetRules.Check(make(), TargetList.Find(target)), d => d.Id == id);
    }

    [Theory]
    [MemberData(nameof(Runtimes))]
    public void A_model_made_for_a_target_breaks_no_rule(string id) =>
        Assert.Empty(TargetRules.Check(BrokenModels.Clean(id), TargetList.Find(id)));

    [Fact]
    public void Ids_are_unique_and_of_one_form()
    {
        Assert.Distinct(TargetRules.All.Select(r => r.Id));
        Assert.All(TargetRules.All, r => Assert.Matches("^HT1[0-5][0-9]{2}$", r.Id));
        Assert.Equal(TargetRules.All.Select(r => r.Id).Order(), BrokenModels.All.Keys.Order());
    }

    [Theory]
    [InlineData("HT1002", "tensorrt")]
    [InlineData("HT1002", "tflite")]
    [InlineData("HT1101", "tensorrt")]
    [InlineData("HT1301", "ort-x64")]
    [InlineData("HT1309", "ort-x64")]
    [InlineData("HT1412", "ort-x64")]
    [InlineData("HT1405", "ort-x64")]
    public void A_repair_removes_what_is_fixable_and_leaves_every_bit_of_the_result(string id, string target)
    {
        Model model = BrokenModels.All[id].Make();
        Target to = TargetList.Find(target);
        Assert.Contains(TargetRules.Check(model, to), d => d.Id == id && d.Fixable);
        byte[] before = Result(model, [1, 4, 4, 4]);
        Assert.Contains(TargetRules.Fix(model, to), r => r.Id == id);
        Assert.Equal(before, Result(model, [1, 4, 4, 4]));
        Assert.DoesNotContain(TargetRules.Check(model, to), d => d.Fixable);
        Assert.Empty(TargetRules.Fix(model, to));
    }

    [Fact]
    public void A_bias_behind_quantizers_is_told_and_a_residual_as_TensorRT_wants_it_is_not()
    {
        QdqModel m = new(signed: false, [1, 4, 4, 4]);
        string product = m.Pair(m.Op("Conv", [m.Pair("x"), m.Weight(QdqModel.Codes(16, 1, 60), [4, 4, 1, 1], [0.01f])], name: "conv"));
        m.Pair(m.Op("Add", [product, m.Constant("b", Tensor.Of([1f, 2, 3, 4], 4, 1, 1))], name: "bias"), output: "y");
        Assert.Contains(TargetRules.Check(m.Model, TargetList.Find("ort-x64")), d => d is { Id: "HT1311", Node: "bias" });

        QdqModel r = new(signed: true, [1, 4, 4, 4]);
        string conv = r.Op("Conv", [r.Pair("x"), r.Weight(QdqModel.Codes(16, 1, 60), [4, 4, 1, 1], [0.01f])]);
        r.Op("Add", [conv, r.Pair("x")], output: "y");
        Assert.DoesNotContain(TargetRules.Check(r.Model, TargetList.Find("tensorrt")), d => d.Id is "HT1312" or "HT1313" or "HT1306");
    }

    [Theory]
    [InlineData("turing-int1", 1, 13)]
    [InlineData("turing-int1", 1, 25)]
    [InlineData("turing-int4", 4, 13)]
    [InlineData("turing-int4", 4, 21)]
    [InlineData("imagination-nna", 5, 13)]
    public void A_chip_takes_its_widths_though_they_are_stored_in_wider_types(string id, int bits, int opset)
    {
        Target target = TargetList.Find(id);
        Model model = Model.Create(opset, [new("x", ElementType.Float, [1, 4, 4, 4])], [new("y", ElementType.Float, null)]);
        model.Graph.SetConstant("w", Tensor.Of(new float[16], 4, 4, 1, 1));
        model.Graph.Add(new Node("conv", "Conv", ["x", "w"], ["y"]));
        var codes = new IntegerGrid(bits, target.ActivationCodes.Signed);
        var weights = new IntegerGrid(bits, signed: true);
        int[] values = [.. Enumerable.Range(0, 16).Select(i => i % 2 == 0 ? weights.Min : weights.Max)];
        Model quantized = QdqExport.Apply(model, QuantizationPlan.Empty with
        {
            Edges = QuantizationPlan.Empty.Edges.Add("x", new AffineGrid(new AffineParameters(0.1f, 0), codes)),
            Readers = [new InputSite("conv", 0)],
            Weights = QuantizationPlan.Empty.Weights.Add(new("conv", 1), new AffineTensor([4, 4, 1, 1], Granularity.Tensor, weights, values, [0.1f])),
        });
        Assert.DoesNotContain(TargetRules.Check(quantized, target), d => d.Id is "HT1004" or "HT1005");

        // a chip of one bit takes no more
        Assert.Equal(bits > 1, TargetRules.Check(quantized, TargetList.Find("turing-int1")).Any(d => d.Id is "HT1005"));
    }

    [Fact]
    public void A_missing_axis_that_no_runtime_would_load_is_set()
    {
        Model model = BrokenModels.All["HT1201"].Make();
        Assert.ThrowsAny<Exception>(() => Result(model, [1, 4, 4, 4]));
        Assert.Equal(["HT1201"], TargetRules.Fix(model, TargetList.Find("ort-x64")).Select(r => r.Id));
        Assert.NotEmpty(Result(model, [1, 4, 4, 4]));
    }

    [Fact]
    public void A_signed_constant_operand_keeps_an_Add_in_floats_until_it_is_shifted()
    {
        Model model = FusionPatterns.All["Add constant"](true);
        byte[] before = Result(model, [4, 6]);
        Assert.DoesNotContain("QLinearAdd", Ort.Optimized(model));
        TargetRules.Fix(model, TargetList.Find("ort-x64"));
        Assert.Contains("QLinearAdd", Ort.Optimized(model));
        Assert.Equal(before, Result(model, [4, 6]));
    }

    [Theory]
    [InlineData("resnet8_cifar10_int8_qdq.onnx", new long[] { 2, 3, 32, 32 })]
    [InlineData("dscnn_kws_int8_qdq.onnx", new long[] { 2, 1, 49, 10 })]
    public void Repairs_of_real_models_leave_every_bit_of_the_result(string file, long[] dims)
    {
        string path = Paths.Shared($"data/models/{file}");
        byte[] before = Result(Model.Load(path), dims);
        foreach (string id in Runtimes.Select(r => r.Data))
        {
            Model model = Model.Load(path);
            TargetRules.Fix(model, TargetList.Find(id));
            Assert.Equal(before, Result(model, dims));
            Assert.DoesNotContain(TargetRules.Check(model, TargetList.Find(id)), d => d.Fixable);
        }
    }

    [Theory]
    [InlineData("resnet8_cifar10_int8_qdq.onnx", "resnet8.txt")]
    [InlineData("dscnn_kws_int8_qdq.onnx", "dscnn.txt")]
    public void Findings_on_real_models_are_the_known_ones(string file, string golden)
    {
        Model model = Model.Load(Paths.Shared($"data/models/{file}"));
        StringBuilder text = new();
        foreach (Target target in TargetList.All)
        {
            text.Append(CultureInfo.InvariantCulture, $"{target.Id}\n");
            foreach (var group in TargetRules.Check(model, target).GroupBy(d => (d.Id, d.Severity, d.Fixable)))
            {
                Diagnostic first = group.First();
                text.Append(CultureInfo.InvariantCulture, $"  {first.Id} {first.Severity} x{group.Count()}{(first.Fixable ? " fixable" : "")}; first: {first.Node}: {first.Message}\n");
            }
        }

        Golden.Check(text.ToString(), golden);
    }

    [Fact]
    public void An_unknown_target_gets_the_nearest_name()
    {
        ArgumentException error = Assert.Throws<ArgumentException>(() => TargetList.Find("ort-x86"));
        Assert.Contains("'ort-x64'", error.Message, StringComparison.Ordinal);
        Assert.All(TargetList.All, t => Assert.Same(t, TargetList.Find(t.Id)));
        Assert.All(TargetList.All, t => Assert.NotEqual("", t.Source));
    }

    private static byte[] Result(Model model, long[] dims)
    {
        Random random = new(7);
        float[] x = new float[dims.Aggregate(1L, (a, b) => a * b)];
        for (int i = 0; i < x.Length; i++)
        {
            x[i] = (random.NextSingle() * 12) - 4;
        }

        string input = model.Graph.Inputs[0].Name;
        return [.. Ort.Run(model, new Dictionary<string, Tensor> { [input] = Tensor.Of(x, dims) }).SelectMany(t => t.Bytes.ToArray())];
    }
}
