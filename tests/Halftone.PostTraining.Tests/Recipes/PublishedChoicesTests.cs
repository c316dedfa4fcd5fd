using Halftone.Formats;
using Halftone.Numerics;
using Halftone.Onnx;
using Halftone.Onnx.Targets;
using Halftone.PostTraining.Recipes;

namespace Halftone.PostTraining.Tests.Recipes;

/// <summary>What the published systems do, seen in the parameters that a recipe gives for known numbers, not in the recipe's text.</summary>
public sealed class PublishedChoicesTests
{
    // x spans [-1, 3], the weights of the two channels [-2, 1] and [-1, 0.5]
    private static readonly float[] s_weights = [-2, 1, -1, 0.5f];

    [Theory]
    [InlineData("tensorflow-int8", 2 / 127f, 1 / 127f)] // [-127, 127] by axis (TensorFlow Lite 8-bit specification)
    [InlineData("pytorch-static-fbgemm", 2 / 127.5f, 1 / 127.5f)] // max / ((qmax - qmin) / 2) by channel (observer.py)
    [InlineData("pytorch-static-qnnpack", 2 / 127.5f, 2 / 127.5f)] // the same by tensor
    [InlineData("tensorrt-int8", 2 / 127f, 1 / 127f)] // output channel maximum / 127 (GTC S7310)
    [InlineData("intelcaffe-int8", 2 / 127f, 1 / 127f)] // 127 / max|W| by output channel
    [InlineData("pytorch-dynamic", 2 / 127.5f, 2 / 127.5f)] // qint8 by tensor
    [InlineData("weight-only-int8", 2 / 127f, 1 / 127f)]
    public void Weight_scales(string recipe, float first, float second)
    {
        (QuantizationPlan plan, _) = Jobs.Solve(Model(), RecipeFile.Find(recipe) with { Operators = [] }, Data());
        var weight = (AffineTensor)plan.Weights[new("n_y", 1)];
        float[] scales = [.. weight.Scales];
        Assert.Equal(first, scales[0], 1e-7f);
        Assert.Equal(second, scales[^1], 1e-7f);
        Assert.All(weight.ZeroPoints, z => Assert.Equal(0, z));
        Assert.Equal(scales.Length == 1 ? GranularityKind.Tensor : GranularityKind.Channel, weight.Granularity.Kind);
    }

    [Theory]
    [InlineData("tensorflow-int8", 4 / 255.0, -64, true)] // asymmetric int8
    [InlineData("intelcaffe-int8", 4 / 255.0, 64, false)]
    [InlineData("tensorrt-int8", 3 / 127.0, 0, true)] // symmetric, no zero point; so few values are not clipped
    public void Activation_parameters(string recipe, double scale, int zero, bool signed)
    {
        (QuantizationPlan plan, _) = Jobs.Solve(Model(), RecipeFile.Find(recipe), Data());
        var x = (AffineGrid)plan.Edges["x"];
        Assert.Equal((float)scale, x.Scale, 1e-7f);
        Assert.Equal((zero, signed), (x.ZeroPoint, x.Codes.Signed));
    }

    [Fact]
    public void Fbgemm_uses_seven_bits_of_activations_and_qnnpack_eight()
    {
        AffineGrid Of(string recipe) => (AffineGrid)Jobs.Solve(Model(), RecipeFile.Find(recipe), Data()).Plan.Edges["x"];
        Assert.Equal((0, 127), (Of("pytorch-static-fbgemm").Codes.Min, Of("pytorch-static-fbgemm").Codes.Max));
        Assert.Equal((0, 255), (Of("pytorch-static-qnnpack").Codes.Min, Of("pytorch-static-qnnpack").Codes.Max));
        Assert.Equal(2, Of("pytorch-static-fbgemm").Scale / Of("pytorch-static-qnnpack").Scale, 0.05);
    }

    [Theory]
    [InlineData("tensorrt-int8", BiasForm.Float)] // an int32 bias is refused there
    [InlineData("tensorflow-int8", BiasForm.Int32)]
    [InlineData("intelcaffe-int8", BiasForm.Int32)]
    [InlineData("pytorch-static-fbgemm", BiasForm.Int32)]
    public void Biases(string recipe, BiasForm form) => Assert.Equal(form, Jobs.Solve(Model(), RecipeFile.Find(recipe), Data()).Plan.Bias);

    [Fact]
    public void TensorFlow_dynamic_range_leaves_small_weights_float()
    {
        (long Count, bool Codes)[] seen = [(1023, false), (1024, true)];
        foreach ((long count, bool codes) in seen)
        {
            var net = new Net([null, count]);
            net.Op("MatMul", ["x", net.Constant("w", 0.1f, count, 1)], "t");
            net.Op("MatMul", ["t", net.Constant("v", 0.1f, 1, 2048)], "y");
            QuantizationPlan plan = Jobs.Solve(net.Model, RecipeFile.Find("tensorflow-dynamic-range"), new SeededData(net.Graph.Inputs, 2)).Plan;
            Assert.Equal(codes, plan.Weights.ContainsKey(new("n_t", 1)));
        }
    }

    [Fact]
    public void Dynamic_activations_are_u8_with_the_range_of_the_run()
    {
        Model quantized = Jobs.Solve(Model(), RecipeFile.Find("tensorflow-dynamic-range") with { Weights = new WeightRecipe { Narrow = true } }, Data()).Quantized;
        Assert.Contains(quantized.Graph.Nodes, n => n.Is("DynamicQuantizeLinear"));
        Assert.Contains(quantized.Graph.Nodes, n => n.Is("ConvInteger"));
    }

    [Fact]
    public void Float16_keeps_what_no_half_can_hold_in_float()
    {
        Model model = Model();
        model.Graph.SetConstant("w", Tensor.Of([70_000f, 1, -70_000, 2], 2, 2, 1, 1));
        Model half = Jobs.Solve(model, RecipeFile.Find("tensorflow-float16"), null).Quantized;
        Tensor weight = half.Graph.Initializers.Values.Single(t => t.Dims.Length == 4);
        Assert.Equal([70_000f, 1, -70_000, 2], weight.ToFloats());
    }

    [Fact]
    public void Int4_weights_have_a_scale_for_32_inputs_of_an_output()
    {
        var net = new Net([null, 80]);
        net.Op("MatMul", ["x", net.Constant("w", 0.2f, 80, 8)], "y");
        QuantizationPlan plan = Jobs.Solve(net.Model, RecipeFile.Find("weight-only-int4"), null).Plan;
        var weight = (AffineTensor)plan.Weights[new("n_y", 1)];
        Assert.Equal(Granularity.Block(0, 32), weight.Granularity);
        Assert.Equal(new IntegerGrid(4, signed: false), weight.Grid);
        Assert.Equal(3 * 8, weight.Scales.Length);
    }

    private static Model Model()
    {
        var net = new Net([null, 2, 1, 4]);
        net.Constant("w", Tensor.Of(s_weights, 2, 2, 1, 1));
        net.Op("Conv", ["x", "w", net.Constant("b", Tensor.Of([0.1f, -0.2f], 2))], "y");
        return net.Model;
    }

    private static SeededData Data() => new([new ValueInfo("x", ElementType.Float, [null, 2, 1, 4])], 4)
    {
        Change = (index, _, values) =>
        {
            for (int i = 0; i < values.Length; i++)
            {
                values[i] = -1 + (4 * i / (values.Length - 1f));
            }
        },
    };
}
