using Halftone.Cli.Inspection;
using Halftone.Onnx;

namespace Halftone.Cli.Tests.Inspection;

public sealed class ModelInspectionTests
{
    private static readonly Dictionary<string, long[]> s_shapes = new()
    {
        ["x"] = [1, 3, 8, 8],
        ["xd"] = [1, 3, 8, 8],
        ["wd"] = [4, 3, 3, 3],
        ["c"] = [1, 4, 6, 6],
        ["c8"] = [1, 4, 6, 6],
        ["y"] = [1, 4, 6, 6],
    };

    [Fact]
    public void Counts_parameters_at_the_node_that_computes_with_them()
    {
        ModelInspection seen = ModelInspection.Of(TestModels.Convolution());
        OperatorSummary conv = seen.Operators.Single(o => o.Operator == "Conv");
        Assert.Equal(2, conv.Nodes);
        Assert.Equal(108 + 108 + 3, conv.Parameters); // both weights, and the scale and zero points before the second
        Assert.Equal((4 * 108) + 108 + 4 + 1 + 1, conv.Bytes);
        Assert.Equal(seen.ParameterBytes, seen.Operators.Sum(o => o.Bytes));
        Assert.Equal(1, seen.Operators.Sum(o => o.Share), 1e-12);
    }

    [Fact]
    public void Names_the_types_of_quantized_nodes_alone()
    {
        ModelInspection seen = ModelInspection.Of(TestModels.Convolution());
        QuantizedNode node = Assert.Single(seen.Quantized);
        Assert.Equal(("conv8", "Conv", "uint8 x int8"), (node.Name, node.Operator, node.Precision));
    }

    [Fact]
    public void Counts_multiplications_from_shapes_and_says_nothing_without_them()
    {
        Assert.Null(ModelInspection.Of(TestModels.Convolution()).Macs);
        // 36 places, 4 filters, 27 products each, twice
        Assert.Equal(2 * 36 * 4 * 27, ModelInspection.Of(TestModels.Convolution(), s_shapes).Macs);
    }

    [Theory]
    [InlineData("MatMul", new long[] { 2, 5, 7 }, new long[] { 7, 3 }, new long[] { 2, 5, 3 }, 0, 210)]
    [InlineData("Gemm", new long[] { 5, 7 }, new long[] { 3, 7 }, new long[] { 5, 3 }, 1, 105)]
    [InlineData("Gemm", new long[] { 5, 7 }, new long[] { 7, 3 }, new long[] { 5, 3 }, 0, 105)]
    [InlineData("ConvTranspose", new long[] { 1, 2, 4, 4 }, new long[] { 2, 3, 2, 2 }, new long[] { 1, 3, 8, 8 }, 0, 384)]
    [InlineData("Conv", new long[] { 1, 6, 4, 4 }, new long[] { 6, 1, 3, 3 }, new long[] { 1, 6, 2, 2 }, 0, 216)] // depthwise
    [InlineData("Relu", new long[] { 5 }, new long[] { 5 }, new long[] { 5 }, 0, 0)]
    public void Multiplications_follow_the_closed_forms(string op, long[] a, long[] b, long[] y, long transposed, long count)
    {
        Node node = new("n", op, ["a", "b"], ["y"]);
        node.With("transB", transposed);
        Dictionary<string, long[]> shapes = new() { ["a"] = a, ["b"] = b, ["y"] = y };
        Assert.Equal(count, MultiplyCount.Of(node, TestModels.Convolution().Graph, shapes));
    }

    [Fact]
    public void Sees_into_subgraphs()
    {
        ModelInspection seen = ModelInspection.Of(Model.Load(Paths.Shared("data/models/silero_vad_16k_op15.onnx")));
        Assert.NotEmpty(seen.Subgraphs);
        Assert.All(seen.Subgraphs, s => Assert.True(s.Nodes > 0));
        // a model of 1.3 MB of floats holds them somewhere, and nothing is counted twice
        Assert.InRange(seen.ParameterBytes, seen.FileBytes / 2, seen.FileBytes);
    }

    [Theory]
    [InlineData("resnet8_cifar10_int8_qdq.onnx", "int8 x int8")]
    [InlineData("dscnn_kws_int8_qdq.onnx", "int8 x int8")]
    public void Published_quantized_models_show_their_types(string file, string types)
    {
        ModelInspection seen = ModelInspection.Of(Model.Load(Paths.Shared($"data/models/{file}")));
        Assert.All(seen.Quantized.Where(n => n.Operator == "Conv"), n => Assert.Equal(types, n.Precision));
        Assert.Contains(seen.Quantized, n => n.Operator == "Conv");
    }

    [Fact]
    public void Every_real_model_can_be_looked_at()
    {
        foreach (string file in Directory.GetFiles(Paths.Shared("data/models"), "*.onnx"))
        {
            ModelInspection seen = ModelInspection.Of(Model.Load(file));
            Assert.True(seen.Parameters > 0, file);
            Assert.InRange(seen.ParameterBytes, 1, seen.FileBytes + seen.ExternalBytes);
            Assert.Equal(seen.Nodes, seen.Operators.Sum(o => o.Nodes));
        }
    }
}
