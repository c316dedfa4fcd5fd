using Halftone.Onnx;
using Halftone.Onnx.Export;
using Halftone.OnnxRuntime;
using Halftone.PostTraining.Tests.Fusion;

namespace Halftone.PostTraining.Tests.Conversion;

/// <summary>Real quantized models converted from each format to each, judged by ONNX Runtime on real inputs.</summary>
/// <remarks>
/// Without optimization QDQ, QCDQ and QONNX (by way back) must give the same bits. QOperator must give the bits of QDQ as ONNX Runtime fuses it; against unfused QDQ its
/// codes may differ by one at ties, which later layers carry on.
/// </remarks>
public class ConversionTests
{
    private static readonly ModelFormat[] s_integer = [ModelFormat.Qdq, ModelFormat.QOperator, ModelFormat.Qonnx, ModelFormat.Qcdq];

    [Theory]
    [InlineData("fashion_resnet", "intelcaffe-int8", null, null)]
    [InlineData("fashion_mobilenet", "intelcaffe-int8", null, null)]
    [InlineData("fashion_resnet", "tensorflow-int8", null, null)] // int8 activations
    [InlineData("fashion_mobilenet", "tensorflow-int8", null, null)]
    [InlineData("fashion_resnet", "intelcaffe-int8", 3, 5)] // codes under a Clip
    [InlineData("fashion_mobilenet", "intelcaffe-int8", 4, 4)]
    [InlineData("fashion_resnet", "intelcaffe-int8", 2, 2)]
    [InlineData("fashion_resnet", "intelcaffe-int8", 7, 6)]
    [InlineData("dscnn_kws", "intelcaffe-int8", null, null)]
    [InlineData("resnet8", "tensorflow-int8", null, null)]
    [InlineData("squeezenet", "intelcaffe-int8", null, null)]
    [InlineData("ppocr_cls", "intelcaffe-int8", null, null)]
    public void Every_pair_of_integer_formats_computes_the_same(string model, string recipe, int? weightBits, int? activationBits)
    {
        QuantizedModel m = QuantizedModels.Of(model, recipe, weightBits, activationBits);
        (float[] plain, float[] fused) = (Run(m, m.Quantized, optimize: false), Run(m, m.Quantized, optimize: true));
        string[] kernels = IntegerOperators(FormatConversion.Convert(m.Quantized, ModelFormat.QOperator).Model);
        Assert.NotEmpty(kernels);
        foreach (ModelFormat first in s_integer)
        {
            Model converted = FormatConversion.Convert(m.Quantized, first).Model;
            foreach (ModelFormat second in s_integer)
            {
                Model result = FormatConversion.Convert(converted, second).Model;
                if (second is ModelFormat.QOperator)
                {
                    Assert.True(kernels.SequenceEqual(IntegerOperators(result)), $"by way of {first}: not {string.Join(' ', kernels.Except(IntegerOperators(result)))}");
                    Assert.Equal(fused, Run(m, result, optimize: true));
                }
                else
                {
                    // QONNX has no runtime here: the way back shows what it holds
                    Assert.Equal(plain, Run(m, second is ModelFormat.Qonnx ? FormatConversion.Convert(result, ModelFormat.Qdq).Model : result, optimize: false));
                }
            }
        }
    }

    [Theory]
    [InlineData("fashion_resnet", "intelcaffe-int8")]
    [InlineData("fashion_mobilenet", "tensorflow-int8")]
    [InlineData("squeezenet", "intelcaffe-int8")]
    [InlineData("ppocr_cls", "intelcaffe-int8")]
    public void Integer_operators_differ_from_rounded_floats_by_a_code_at_ties_alone(string model, string recipe)
    {
        QuantizedModel m = QuantizedModels.Of(model, recipe);
        Model integer = FormatConversion.Convert(m.Quantized, ModelFormat.QOperator).Model;
        HashSet<string> codes = [.. m.Quantized.Graph.Nodes.Where(n => n.Op == "QuantizeLinear").Select(n => n.Outputs[0])];
        string[] common = [.. integer.Graph.Nodes.SelectMany(n => n.Outputs).Where(codes.Contains)];
        using OrtSession a = OrtSession.Load(TensorTap.Expose(m.Quantized, common), new OrtOptions { Optimize = false });
        using OrtSession b = OrtSession.Load(TensorTap.Expose(integer, common), new OrtOptions { Optimize = false });
        IReadOnlyDictionary<string, Tensor> expected = a.Run(m.Samples[0]);
        IReadOnlyDictionary<string, Tensor> found = b.Run(m.Samples[0]);
        bool carried = false;
        foreach (string name in common)
        {
            long[] apart = [.. expected[name].ToInt64s().Zip(found[name].ToInt64s(), (x, y) => Math.Abs(x - y))];
            Assert.True(carried || apart.Max() <= 1, $"{name} is the first to differ, by {apart.Max()}");
            Assert.True(apart.Average() <= 0.25, $"{name}: codes are {apart.Average()} apart on average");
            carried |= apart.Max() > 0;
        }
    }

    [Theory]
    [InlineData("fashion_resnet", "weight-only-int8")]
    [InlineData("fashion_resnet", "weight-only-int4")]
    [InlineData("fashion_mobilenet", "weight-only-int4")]
    [InlineData("stories", "weight-only-int4")]
    [InlineData("stories", "weight-only-int8")]
    public void Weights_alone_go_to_blocks_of_matmulnbits_and_back(string model, string recipe)
    {
        QuantizedModel m = QuantizedModels.Of(model, recipe);
        float[] plain = Run(m, m.Quantized, optimize: false);
        double tolerance = 1e-5 * plain.Max(Math.Abs);
        ConversionResult packed = FormatConversion.Convert(m.Quantized, ModelFormat.MatMulNBits);
        Node[] packs = [.. packed.Model.Graph.Nodes.Where(n => n.Op == "MatMulNBits")];
        Assert.NotEmpty(packs);
        Assert.All(packs, p => Assert.Equal(recipe == "weight-only-int4" ? 4 : 8, p.Int("bits", 0)));
        Assert.InRange(Largest(plain, Run(m, packed.Model, optimize: false)), 0, tolerance);
        if (packed.Model.Opset >= 21)
        {
            Assert.InRange(Largest(plain, Run(m, FormatConversion.Convert(packed.Model, ModelFormat.Qdq).Model, optimize: false)), 0, tolerance);
        }
        else
        {
            Assert.Contains("opset 21", Assert.Throws<ModelException>(() => FormatConversion.Convert(packed.Model, ModelFormat.Qdq)).Message, StringComparison.Ordinal);
        }

        Assert.InRange(Largest(plain, Run(m, FormatConversion.Convert(m.Quantized, ModelFormat.Float).Model, optimize: false)), 0, tolerance);
        Assert.InRange(Largest(plain, Run(m, FormatConversion.Convert(m.Quantized, ModelFormat.Float16).Model, optimize: false)), 0, 4e-3 * plain.Max(Math.Abs));
    }

    [Theory]
    [InlineData("fashion_resnet", "tensorflow-dynamic-range")]
    [InlineData("fashion_resnet", "pytorch-dynamic")]
    [InlineData("fashion_mobilenet", "tensorflow-dynamic-range")]
    public void Dynamic_quantization_goes_to_qdq_and_back(string model, string recipe)
    {
        QuantizedModel m = QuantizedModels.Of(model, recipe);
        float[] integer = Run(m, m.Quantized, optimize: false);
        Model qdq = FormatConversion.Convert(m.Quantized, ModelFormat.Qdq).Model;
        Assert.DoesNotContain(qdq.Graph.Nodes, n => n.Op is "ConvInteger" or "MatMulInteger");

        // codes of the next layer may differ at ties, and with them its range
        Assert.InRange(Largest(integer, Run(m, qdq, optimize: false)), 0, 0.02 * integer.Max(Math.Abs));
        Assert.Equal(integer, Run(m, FormatConversion.Convert(qdq, ModelFormat.QOperator).Model, optimize: false));
    }

    [Theory]
    [InlineData("fashion_resnet", "intelcaffe-int8", ModelFormat.MatMulNBits, "feeds no MatMul")]
    [InlineData("fashion_resnet", "weight-only-int4", ModelFormat.Qonnx, "has a scale for each block")]
    [InlineData("fashion_resnet", "pytorch-dynamic", ModelFormat.Qonnx, "chooses its scale at every run")]
    public void What_cannot_be_converted_is_refused_with_the_node_and_the_reason(string model, string recipe, ModelFormat to, string reason)
    {
        Model quantized = QuantizedModels.Of(model, recipe).Quantized;
        byte[] before = quantized.ToBytes();
        string message = Assert.Throws<ModelException>(() => FormatConversion.Convert(quantized, to)).Message;
        Assert.Contains(reason, message, StringComparison.Ordinal);
        Assert.Contains(quantized.Graph.Nodes, n => message.Contains($"'{n.Name}'", StringComparison.Ordinal));
        Assert.Equal(before, quantized.ToBytes());
    }

    [Theory]
    [InlineData("fashion_resnet", "intelcaffe-int8")]
    [InlineData("fashion_mobilenet", "intelcaffe-int8")]
    [InlineData("fashion_resnet", "tensorrt-int8")]
    [InlineData("dscnn_kws", "intelcaffe-int8")]
    [InlineData("squeezenet", "intelcaffe-int8")]
    public void Back_in_floats_a_model_is_no_further_from_the_original_than_the_quantized_one(string model, string recipe)
    {
        QuantizedModel m = QuantizedModels.Of(model, recipe);
        float[] real = Run(m, m.Float, optimize: true);
        double quantized = Largest(real, Run(m, m.Quantized, optimize: false));
        foreach (ModelFormat format in (ModelFormat[])[ModelFormat.Float, ModelFormat.Float16])
        {
            Model back = FormatConversion.Convert(m.Quantized, format, new ConversionOptions { Float16 = Float16Mode.Full }).Model;
            Assert.DoesNotContain(back.Graph.Nodes, n => n.Op is "QuantizeLinear" or "DequantizeLinear");
            Assert.InRange(Largest(real, Run(m, back, optimize: true)), 0, 1.3 * quantized);
        }
    }

    private static string[] IntegerOperators(Model model) => [.. model.Graph.Nodes.Where(n => n.Op.StartsWith("QLinear", StringComparison.Ordinal) || n.Op is "QGemm" or "ConvInteger" or "MatMulInteger").Select(n => n.Name).Order()];

    private static float[] Run(QuantizedModel m, Model model, bool optimize)
    {
        using OrtSession session = OrtSession.Load(model, new OrtOptions { Optimize = optimize });
        return [.. m.Samples.SelectMany(s => session.Run(s).Values.SelectMany(v => v.ToFloats()))];
    }

    private static double Largest(float[] a, float[] b) => a.Zip(b, (x, y) => (double)Math.Abs(x - y)).Max();
}
