using Halftone.Onnx;

namespace Halftone.OnnxRuntime.Tests;

public sealed class FusionReportTests
{
    [Fact]
    public void Conv_and_Relu_become_one_integer_convolution()
    {
        QdqBuilder b = new(ElementType.UInt8, [1, 4, 8, 8]);
        string conv = b.Op("conv", "Conv", [b.Quantized("x"), b.Weight([8, 4, 3, 3]), b.Bias(8)], with: n => n.With("pads", [1L, 1, 1, 1]));
        b.Quantized(b.Op("relu", "Relu", [conv]), to: "y");

        FusionReport report = FusionReport.Of(b.Model);

        // 8 x 8 x 8 outputs of 4 x 3 x 3 products
        Assert.Equal(new NodeFusion("conv", "Conv", "QLinearConv", null, 512 * 36), Assert.Single(report.Nodes));
        Assert.Equal((1, 1, 1.0, 1.0), (report.Fused, report.Total, report.NodeShare, report.MacShare));
        Assert.StartsWith("1 of 1 nodes fused (100.0 %", report.Summary);
    }

    [Fact]
    public void A_residual_network_fuses_from_end_to_end()
    {
        QdqBuilder b = new(ElementType.UInt8, [1, 4, 8, 8]);
        string x = b.Quantized("x");
        string left = b.Quantized(b.Op("conv", "Conv", [x, b.Weight([4, 4, 1, 1])]));
        string sum = b.Quantized(b.Op("add", "Add", [left, x]));
        string doubled = b.Quantized(b.Op("mul", "Mul", [sum, b.Quantized("x", 0.02f)]));
        string both = b.Quantized(b.Op("concat", "Concat", [doubled, sum], with: n => n.With("axis", 1)));
        string pooled = b.Quantized(b.Op("max", "MaxPool", [both], with: n => n.With("kernel_shape", [2L, 2]).With("strides", [2L, 2])));
        string mean = b.Quantized(b.Op("average", "AveragePool", [pooled], with: n => n.With("kernel_shape", [2L, 2])));
        b.Quantized(b.Op("global", "GlobalAveragePool", [mean]), to: "y");

        FusionReport report = FusionReport.Of(b.Model);

        Assert.All(report.Nodes, n => Assert.True(n.Fused, n.ToString()));
        Assert.Equal(
            ["QLinearConv", "QLinearAdd", "QLinearMul", "QLinearConcat", "MaxPool", "QLinearAveragePool", "QLinearGlobalAveragePool"], report.Nodes.Select(n => n.Kernel));
    }

    [Theory]
    [InlineData("Gemm", true, "QGemm")]
    [InlineData("Gemm", false, "QGemm")]
    [InlineData("MatMul", true, "QLinearMatMul")]
    [InlineData("MatMul", false, "MatMulIntegerToFloat")]
    public void Products_fuse_with_and_without_a_quantizer_after_them(string op, bool quantizer, string kernel)
    {
        QdqBuilder b = new(ElementType.UInt8, [2, 16]);
        string[] inputs = [b.Quantized("x"), b.Weight([16, 8]), .. op == "Gemm" ? [b.Bias(8)] : Array.Empty<string>()];
        string product = b.Op("product", op, inputs, quantizer ? null : "y");
        if (quantizer)
        {
            b.Quantized(product, to: "y");
        }

        Assert.Equal([new NodeFusion("product", op, kernel, null, 2 * 16 * 8)], FusionReport.Of(b.Model).Nodes);
    }

    public static TheoryData<string, string> Obstacles => new()
    {
        { "float", "nothing is quantized" },
        { "dynamic weight", "weight computed at run time, not quantized" },
        { "input", "input not quantized" },
        { "graph output", "output is a graph output" },
        { "unquantized output", "output not quantized" },
        { "two readers", "output has readers besides its quantizer" },
        { "16 bits", "16-bit codes" },
        { "transpose", "ConvTranspose has no integer kernel" },
    };

    [Theory]
    [MemberData(nameof(Obstacles))]
    public void Says_why_a_convolution_stays_float(string what, string obstacle)
    {
        ElementType codes = what == "16 bits" ? ElementType.UInt16 : ElementType.UInt8;
        QdqBuilder b = new(codes, [1, 4, 8, 8], opset: 21);
        string x = what is "input" or "float" ? "x" : b.Quantized("x");
        string w = what switch
        {
            "float" => b.FloatConstant(4, 4, 1, 1),
            "dynamic weight" => b.Op("slice", "Reshape", [b.Op("cut", "ReduceMean", ["x"], with: n => n.With("keepdims", 1)), Shape(b, 1, 1, 1, 1)]),
            _ => b.Weight([4, 4, 1, 1]),
        };
        if (what == "dynamic weight")
        {
            w = b.Op("expand", "Expand", [w, Shape(b, 4, 4, 1, 1)]);
        }

        string conv = b.Op("conv", what == "transpose" ? "ConvTranspose" : "Conv", [x, w], what == "graph output" ? "y" : null);
        if (what is "unquantized output" or "float")
        {
            b.Op("sigmoid", "Sigmoid", [conv], "y");
        }
        else if (what != "graph output")
        {
            string d = b.Quantized(conv, to: what == "two readers" ? null : "y");
            if (what == "two readers")
            {
                b.Op("both", "Sub", [d, b.Op("sigmoid", "Sigmoid", [conv])], "y");
            }
        }

        FusionReport report = FusionReport.Of(b.Model);

        NodeFusion node = Assert.Single(report.Nodes, n => n.Node == "conv");
        Assert.Equal(obstacle, node.Obstacle);
        Assert.Equal(0, report.MacShare);
        Assert.Contains($"1 not, because: {obstacle} (1)", report.Summary);
    }

    [Fact]
    public void Weights_and_biases_left_in_float_are_quantized_by_ONNX_Runtime_itself()
    {
        QdqBuilder b = new(ElementType.UInt8, [1, 4, 8, 8]);
        b.Quantized(b.Op("conv", "Conv", [b.Quantized("x"), b.FloatConstant(4, 4, 1, 1), b.FloatConstant(4)]), to: "y");

        Assert.Equal("QLinearConv", Assert.Single(FusionReport.Of(b.Model).Nodes).Kernel);
    }

    [Fact]
    public void A_Relu_is_absorbed_only_where_its_zero_is_the_lowest_code()
    {
        foreach ((int zero, string? obstacle) in ((int, string?)[])[(0, null), (10, "Relu that the quantizer after it does not absorb")])
        {
            QdqBuilder b = new(ElementType.UInt8, [1, 4, 8, 8]);
            string conv = b.Op("conv", "Conv", [b.Quantized("x"), b.Weight([4, 4, 1, 1])]);
            b.Quantized(b.Op("relu", "Relu", [conv]), to: "y", zero: zero);

            Assert.Equal(obstacle, Assert.Single(FusionReport.Of(b.Model).Nodes).Obstacle);
        }
    }

    [Fact]
    public void Pooling_on_codes_needs_one_scale()
    {
        foreach ((float scale, string? obstacle) in ((float, string?)[])[(0.01f, null), (0.02f, "input and output have other scales")])
        {
            QdqBuilder b = new(ElementType.UInt8, [1, 4, 8, 8]);
            b.Quantized(b.Op("max", "MaxPool", [b.Quantized("x")], with: n => n.With("kernel_shape", [2L, 2])), scale, to: "y");

            Assert.Equal(obstacle, Assert.Single(FusionReport.Of(b.Model).Nodes).Obstacle);
        }
    }

    [Fact]
    public void Sums_need_both_inputs_quantized()
    {
        QdqBuilder b = new(ElementType.UInt8, [1, 4, 8, 8]);
        b.Quantized(b.Op("add", "Add", [b.Quantized("x"), b.Op("sigmoid", "Sigmoid", ["x"])]), to: "y");

        Assert.Equal("input not quantized", Assert.Single(FusionReport.Of(b.Model).Nodes).Obstacle);
    }

    [Fact]
    public void A_Gemm_that_scales_its_bias_stays_float()
    {
        QdqBuilder b = new(ElementType.UInt8, [2, 16]);
        b.Quantized(b.Op("gemm", "Gemm", [b.Quantized("x"), b.Weight([16, 8]), b.Bias(8)], with: n => n.With("beta", 2f)), to: "y");

        Assert.Equal("Gemm with beta other than 1", Assert.Single(FusionReport.Of(b.Model).Nodes).Obstacle);
    }

    [Theory]
    [InlineData(true, "QGemm", null)]
    [InlineData(false, "Gemm", "MatMul and Add become a Gemm whose bias is not int32")]
    public void A_product_and_the_sum_after_it_become_one_kernel_and_both_count(bool integerBias, string kernel, string? obstacle)
    {
        QdqBuilder b = new(ElementType.UInt8, [2, 16]);
        string product = b.Op("product", "MatMul", [b.Quantized("x"), b.Weight([16, 8])]);
        b.Op("sum", "Add", [product, integerBias ? b.Bias(8) : b.FloatConstant(8)], "y");

        Assert.Equal(
            [new NodeFusion("product", "MatMul", kernel, obstacle, 2 * 16 * 8), new NodeFusion("sum", "Add", kernel, obstacle, 0)], FusionReport.Of(b.Model).Nodes);
    }

    [Fact]
    public void Weights_of_four_bits_in_blocks_run_as_MatMulNBits()
    {
        Model model = Model.Create(21, [new ValueInfo("x", ElementType.Float, [2, 64])], [new ValueInfo("y", ElementType.Float, null)]);
        model.Graph.SetConstant("w", new Tensor(ElementType.UInt4, [64, 8], new byte[64 * 8 / 2]));
        model.Graph.SetConstant("s", Samples.Ramp(2, 8));
        model.Graph.Add(new Node("dequantize", "DequantizeLinear", ["w", "s"], ["wd"]).With("axis", 0).With("block_size", 32));
        model.Graph.Add(new Node("product", "MatMul", ["x", "wd"], ["y"]));

        Assert.Equal([new NodeFusion("product", "MatMul", "MatMulNBits", null, 2 * 64 * 8)], FusionReport.Of(model).Nodes);
    }

    [Fact]
    public void Int8_activations_are_reported_as_this_processor_takes_them()
    {
        QdqBuilder b = new(ElementType.Int8, [1, 4, 8, 8]);
        string first = b.Quantized(b.Op("first", "Conv", [b.Quantized("x"), b.Weight([4, 4, 1, 1])]));
        b.Quantized(b.Op("second", "Conv", [first, b.Weight([4, 4, 1, 1])]), to: "y");

        FusionReport report = FusionReport.Of(b.Model);

        Assert.Equal(2, report.Total);
        Assert.All(report.Nodes, n => Assert.Equal(n.Fused, n.Kernel == "QLinearConv"));
        Assert.All(report.Nodes.Where(n => !n.Fused), n => Assert.StartsWith("int8 activations", n.Obstacle));
    }

    [Fact]
    public void Integer_operators_of_the_file_count_and_their_scale_arithmetic_does_not()
    {
        Model model = Model.Create(13, [new ValueInfo("x", ElementType.Float, [2, 16])], [new ValueInfo("y", ElementType.Float, null)]);
        Graph graph = model.Graph;
        graph.SetConstant("w", Tensor.Of(new sbyte[16 * 8], 16, 8));
        graph.SetConstant("ws", Tensor.Scalar(0.1f));
        graph.SetConstant("wz", Tensor.Scalar((sbyte)0));
        graph.Add(new Node("quantize", "DynamicQuantizeLinear", ["x"], ["q", "s", "z"]));
        graph.Add(new Node("product", "MatMulInteger", ["q", "w", "z", "wz"], ["sum"]));
        graph.Add(new Node("cast", "Cast", ["sum"], ["float"]).With("to", 1L));
        graph.Add(new Node("scales", "Mul", ["s", "ws"], ["scale"]));
        graph.Add(new Node("rescale", "Mul", ["float", "scale"], ["y"]));

        NodeFusion node = Assert.Single(FusionReport.Of(model).Nodes);

        Assert.Equal(("product", true, 2L * 16 * 8), (node.Node, node.Fused, node.MultiplyAdds));
        Assert.Equal("DynamicQuantizeMatMul", node.Kernel);
    }

    [Fact]
    public void Arithmetic_on_shapes_and_constants_is_not_counted()
    {
        QdqBuilder b = new(ElementType.UInt8, [1, 4, 8, 8], [null, 4, null, null]);
        string shape = b.Op("shape", "Shape", ["x"]);
        string folded = b.Op("constants", "Add", [b.FloatConstant(4, 1, 1), b.FloatConstant(4, 1, 1)]);
        string lengths = b.Op("lengths", "Mul", [shape, shape]);
        string length = b.Op("cast", "Cast", [b.Op("sum", "ReduceSum", [lengths])], with: n => n.With("to", 1L));
        b.Op("add", "Add", [b.Op("sub", "Sub", ["x", folded]), length], "y");

        Assert.Equal(["add"], FusionReport.Of(b.Model).Nodes.Select(n => n.Node));
    }

    [Fact]
    public void Observed_lengths_count_where_the_file_leaves_them_open()
    {
        QdqBuilder b = new(ElementType.UInt8, [1, 4, 8, 8], [null, 4, null, null]);
        b.Quantized(b.Op("conv", "Conv", [b.Quantized("x"), b.Weight([4, 4, 1, 1])], "c"), to: "y");

        Assert.Equal(0, FusionReport.Of(b.Model).Nodes.Single().MultiplyAdds);
        Assert.Equal(4 * 100 * 4, FusionReport.Of(b.Model, new Dictionary<string, long[]> { ["c"] = [1, 4, 10, 10] }).Nodes.Single().MultiplyAdds);
    }

    [Theory]
    [InlineData("resnet8_cifar10_int8_qdq")]
    [InlineData("dscnn_kws_int8_qdq")]
    public void What_it_says_runs_in_integers_is_what_the_profile_of_a_full_session_shows(string name)
    {
        Model model = Model.Load(Paths.Shared($"data/models/{name}.onnx"));
        using OrtSession session = OrtSession.Load(model);

        OpProfile profile = OpProfile.Of(model, Samples.For(session), runs: 1);

        // layouts may change there, and with them names, but not what runs
        string[] counted = ["Conv", "Gemm", "Add", "GlobalAveragePool", "QLinearConv", "QGemm", "QLinearAdd", "QLinearGlobalAveragePool"];
        Assert.Equal(profile.Ops.Select(o => o.Op).Where(counted.Contains).Order(), FusionReport.Of(model).Nodes.Select(n => n.Kernel).Order());
    }

    // summed by hand over the published layers; MLPerf Tiny gives 12.5 and 2.66 million
    [Theory]
    [InlineData("resnet8_cifar10_int8_qdq", 10, 12_501_632L)]
    [InlineData("dscnn_kws_int8_qdq", 10, 2_656_768L)]
    public void Names_every_layer_of_real_int8_models(string name, int weighted, long multiplyAdds)
    {
        Model model = Model.Load(Paths.Shared($"data/models/{name}.onnx"));

        FusionReport report = FusionReport.Of(model);

        Assert.Equal(weighted, report.Nodes.Count(n => n.Op is "Conv" or "Gemm"));
        Assert.Equal(multiplyAdds, report.Nodes.Sum(n => n.MultiplyAdds));
        Assert.All(report.Nodes, n => Assert.Equal(n.Fused, n.Kernel.StartsWith('Q')));
        Assert.All(report.Nodes.Where(n => !n.Fused), n => Assert.StartsWith("int8 activations", n.Obstacle));
        Assert.Equal(report.Total - report.Fused, report.Obstacles.Sum(o => o.Nodes));
    }

    private static string Shape(QdqBuilder b, params long[] dims)
    {
        string name = $"shape{string.Join("x", dims)}";
        b.Model.Graph.SetConstant(name, Tensor.Of(dims, dims.Length));
        return name;
    }
}
