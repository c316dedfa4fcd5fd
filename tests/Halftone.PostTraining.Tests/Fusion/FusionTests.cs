using Halftone.Onnx;
using Halftone.OnnxRuntime;

namespace Halftone.PostTraining.Tests.Fusion;

/// <summary>What the default recipe makes run in integers, in the model as ONNX Runtime's optimizer saves it.</summary>
public class FusionTests
{
    private static readonly string[] s_floats = ["Conv", "FusedConv", "ConvTranspose", "Gemm", "FusedGemm", "MatMul", "FusedMatMul", "Add", "Mul", "Concat", "AveragePool", "GlobalAveragePool"];

    [Theory]
    [InlineData("fashion_resnet")]
    [InlineData("fashion_mobilenet")]
    public void The_bundled_networks_run_in_integers_throughout(string model)
    {
        Model quantized = QuantizedModels.Of(model, "ort-int8").Quantized;
        var report = FusionReport.Of(quantized);
        Assert.True(report.NodeShare >= 0.95 && report.MacShare >= 0.99, report.Summary);

        // the same, counted without the report: operators of the saved model
        using TemporaryFolder folder = new();
        string path = folder.File("optimized.onnx");
        OrtSession.Load(quantized, new OrtOptions { SaveOptimizedTo = path, ChangeLayout = false }).Dispose();
        Model optimized = Model.Load(path);
        int integers = optimized.Graph.Nodes.Count(n => n.Op.StartsWith("QLinear", StringComparison.Ordinal) || n.Op == "QGemm");
        int floats = optimized.Graph.Nodes.Count(n => s_floats.Contains(n.Op));
        Assert.True(integers >= 0.95 * (integers + floats), $"{integers} operators in integers, {floats} in floats");
        Assert.Equal(quantized.Graph.Nodes.Count(n => n.Op == "Conv"), optimized.Graph.Nodes.Count(n => n.Op == "QLinearConv"));
    }

    [Theory]
    [InlineData("squeezenet")]
    [InlineData("resnet20")]
    [InlineData("resnet8")]
    [InlineData("dscnn_kws")]
    [InlineData("ppocr_cls")]
    [InlineData("blazeface")]
    [InlineData("fsrcnn")]
    public void Networks_of_others_run_in_integers_too(string model)
    {
        var report = FusionReport.Of(QuantizedModels.Of(model, "ort-int8").Quantized);
        Assert.True(report.NodeShare >= 0.95 && report.MacShare >= 0.99, report.Summary);
    }

    [Theory]
    [InlineData(3, 5)]
    [InlineData(4, 4)]
    [InlineData(7, 6)]
    public void Codes_kept_to_their_width_by_a_Clip_fuse_as_well(int weightBits, int activationBits)
    {
        Model quantized = QuantizedModels.Of("fashion_resnet", "intelcaffe-int8", weightBits, activationBits).Quantized;
        Assert.Contains(quantized.Graph.Nodes, n => n.Op == "Clip");
        var report = FusionReport.Of(quantized);
        Assert.True(report.NodeShare >= 0.95 && report.MacShare >= 0.99, report.Summary);
    }

    [Fact]
    public void Sixteen_bit_activations_are_named_as_the_reason()
    {
        var report = FusionReport.Of(QuantizedModels.Of("fashion_resnet", "intelcaffe-int8", activationBits: 16).Quantized);
        Assert.Equal([("16-bit codes", report.Total)], report.Obstacles);
    }
}
