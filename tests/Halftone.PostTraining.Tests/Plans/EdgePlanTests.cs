using Halftone.Formats;
using Halftone.Onnx;
using Halftone.Onnx.Targets;
using Halftone.PostTraining.Plans;
using Halftone.PostTraining.Recipes;
using Halftone.PostTraining.Tests.Odd;

namespace Halftone.PostTraining.Tests.Plans;

public sealed class EdgePlanTests
{
    [Theory]
    [InlineData("Relu", null, null)]
    [InlineData("Clip", 0f, 6f)]
    [InlineData("Clip", -1f, 1f)]
    [InlineData("Clip", -0.7f, 1.3f)]
    public void An_activation_is_absorbed_by_the_codes_behind_it(string op, float? low, float? high)
    {
        var net = new Net([null, 8, 8, 8]);
        net.Conv("x", "c", 8, 8);
        string[] bounds = low is null ? [] : [net.Scalar("low", low.Value), net.Scalar("high", high!.Value)];
        net.Op(op, ["c", .. bounds], "r");
        net.Conv("r", "y", 8, 8);
        (QuantizationPlan plan, Model quantized) = Jobs.Solve(net.Model, Jobs.Plain(OnnxRuntimeTargets.X64Vnni), new SeededData(net.Graph.Inputs, 8));
        Assert.False(plan.Edges.ContainsKey("c"));
        var grid = (AffineGrid)plan.Edges["r"];
        Assert.InRange(grid.Lowest, low ?? 0, 0);
        Assert.InRange(grid.Highest, 0, high ?? double.PositiveInfinity);
        Assert.InRange(grid.Highest - grid.Lowest, 0.98 * Math.Min(2, (high - low) ?? 2), 7); // and no code is wasted

        // ONNX Runtime's own optimizer sees it so: both convolutions run in integers, and the activation is gone
        Model optimized = Optimized(quantized);
        Assert.Equal(2, optimized.Graph.Nodes.Count(n => n.Op == "QLinearConv"));
        Assert.DoesNotContain(optimized.Graph.Nodes, n => n.Op is "Relu" or "Clip");
    }

    [Fact]
    public void What_moves_codes_shares_the_parameters_of_its_input()
    {
        var net = new Net([null, 8, 8, 8]);
        net.Conv("x", "c", 8, 8);
        net.Op("MaxPool", ["c"], "m", n => n.With("kernel_shape", [2L, 2]).With("strides", [2L, 2]));
        net.Op("Transpose", ["m"], "t", n => n.With("perm", [0L, 2, 3, 1]));
        net.Op("Reshape", ["t", net.Integers("s", 0, -1)], "r");
        net.Op("Gemm", ["r", net.Constant("w", 0.1f, 128, 4)], "y");
        QuantizationPlan plan = Jobs.Solve(net.Model, Jobs.Plain(OnnxRuntimeTargets.X64Vnni), new SeededData(net.Graph.Inputs, 8)).Plan;
        Assert.Single(((string[])["c", "m", "t", "r"]).Select(e => ((AffineGrid)plan.Edges[e]).Parameters[0]).Distinct());
        Assert.NotEqual(((AffineGrid)plan.Edges["x"]).Parameters[0], ((AffineGrid)plan.Edges["c"]).Parameters[0]);
    }

    [Fact]
    public void A_Concat_shares_one_scale_that_holds_all_where_the_target_wants_it()
    {
        // two concatenations share an input, so that all of them are one group
        var net = new Net([null, 8, 4, 4]);
        net.Conv("x", "a", 4, 8);
        net.Conv("x", "b", 4, 8);
        net.Op("Mul", ["b", net.Scalar("three", 3)], "b3");
        net.Op("Concat", ["a", "b3"], "one", n => n.With("axis", 1));
        net.Op("Concat", ["a", "b"], "two", n => n.With("axis", 1));
        net.Conv("one", "o", 4, 8);
        net.Conv("two", "t", 4, 8);
        net.Op("Add", ["o", "t"], "y");
        var data = new SeededData(net.Graph.Inputs, 8);
        Model model = net.Model;
        (QuantizationPlan plan, _) = Jobs.Solve(model, Jobs.Plain(TfLiteTarget.Int8), data);
        AffineGrid[] grids = [.. ((string[])["a", "b", "b3", "one", "two"]).Select(e => (AffineGrid)plan.Edges[e])];
        Assert.Single(grids.Select(g => g.Parameters[0]).Distinct());
        IEnumerable<float> values = Enumerable.Range(0, 8).SelectMany(i => Fidelity.Run(OnnxRuntime.TensorTap.Expose(model, ["one", "two"]), data.Read(i).Inputs).Where(o => o.Key != "y").SelectMany(o => o.Value.ToFloats()));
        Assert.InRange(values.Min(), grids[0].Lowest - grids[0].Scale, grids[0].Lowest + grids[0].Scale);
        Assert.InRange(values.Max(), grids[0].Highest - grids[0].Scale, grids[0].Highest + grids[0].Scale);

        QuantizationPlan apart = Jobs.Solve(model, Jobs.Plain(OnnxRuntimeTargets.X64Vnni), data).Plan;
        Assert.NotEqual(((AffineGrid)apart.Edges["b"]).Scale, ((AffineGrid)apart.Edges["b3"]).Scale);
    }

    [Fact]
    public void Sixteen_bits_at_a_node_reach_every_edge_that_shares_its_parameters()
    {
        OddLayer layer = OddLayers.Find("pool chain to gemm");
        Model model = layer.Build();
        var options = new QuantizerOptions { MinimumOpset = 21 };
        using QuantizationJob job = Jobs.Start(model, Jobs.Plain(OnnxRuntimeTargets.X64Vnni), layer.Data(model, 32), options);
        (QuantizationPlan plan, Model narrow) = job.Solve();
        QuantizationPlan wide = WideEdges.Of(job, plan, ["n_m"]);
        string[] sixteen = [.. wide.Edges.Where(e => ((AffineGrid)e.Value).Codes.Bits == 16).Select(e => e.Key).Order()];
        Assert.Equal(["m", "r"], sixteen); // the pool's input is what the Relu gives, its output shares that
        Assert.Equal(((AffineGrid)wide.Edges["m"]).Parameters[0], ((AffineGrid)wide.Edges["r"]).Parameters[0]);

        QuantizationPlan all = WideEdges.Of(job, plan, [.. job.Placement.Nodes.Keys]);
        Assert.True(Fidelity.Sqnr(model, job.Lower(all), layer.Data(model, 8)) > Fidelity.Sqnr(model, narrow, layer.Data(model, 8)) + 3);
    }

    [Fact]
    public void Wide_nodes_of_a_recipe_are_those_of_the_plan()
    {
        OddLayer layer = OddLayers.Find("residual");
        Model model = layer.Build();
        Recipe recipe = Jobs.Plain(OnnxRuntimeTargets.X64Vnni) with { WideNodes = ["n_c2"] };
        (QuantizationPlan plan, Model quantized) = Jobs.Solve(model, recipe, layer.Data(model, 16));
        Assert.Equal(["c2", "r1"], plan.Edges.Where(e => ((AffineGrid)e.Value).Codes.Bits == 16).Select(e => e.Key).Order());
        Assert.True(quantized.Opset >= 21);
        Assert.InRange(Fidelity.Sqnr(model, quantized, layer.Data(model, 8)), 25, double.PositiveInfinity);
    }

    [Theory]
    [InlineData(4, true)]
    [InlineData(4, false)]
    [InlineData(2, false)]
    [InlineData(6, false)]
    [InlineData(12, false)]
    public void Fewer_bits_give_fewer_values(int bits, bool signed)
    {
        var net = new Net([null, 8, 6, 6]);
        net.Conv("x", "c", 8, 8);
        net.Op("MaxPool", ["c"], "m", n => n.With("kernel_shape", [2L, 2]));
        net.Conv("m", "y", 4, 8);
        Recipe recipe = Jobs.Plain(OnnxRuntimeTargets.X64Vnni) with { Activations = new ActivationRecipe { Range = "percentile", Options = System.Text.Json.JsonElement.Parse("{\"percent\": 95}"), Bits = bits, Signed = signed } };
        var data = new SeededData(net.Graph.Inputs, 8);
        Model quantized = Jobs.Solve(net.Model, recipe, data).Quantized;
        string restored = quantized.Graph.Nodes.Single(n => n.Name == "n_m").Input(0);
        Model tapped = OnnxRuntime.TensorTap.Expose(quantized, [restored]);
        float[] unoptimized = Fidelity.Run(tapped, data.Read(0).Inputs)[restored].ToFloats();
        float[] values = [.. unoptimized.Distinct()];
        Assert.InRange(values.Length, bits == 2 ? 3 : 2, 1 << bits);
        Assert.Equal(unoptimized, Fidelity.Run(tapped, data.Read(0).Inputs, optimize: true)[restored].ToFloats());
    }

    // the node's weight has numbers at a channel that is always 0, beside which all others round to 0 in eight bits
    [Theory]
    [InlineData("Conv")]
    [InlineData("ConvTranspose")]
    [InlineData("Gemm")]
    [InlineData("MatMul")]
    public void A_node_kept_float_is_float_in_ONNX_Runtime(string op)
    {
        bool image = op.StartsWith("Conv", StringComparison.Ordinal);
        var net = new Net(image ? [null, 8, 6, 6] : [null, 8]);
        string Plain(string x, string y) => image ? net.Conv(x, y, 8, 8) : net.Op("Gemm", [x, net.Constant($"w_{y}", 0.3f, 8, 8), net.Constant($"b_{y}", 0.1f, 8)], y);
        Plain("x", "c");
        float[] bias = net.Graph.Constant("b_c")!.ToFloats();
        bias[0] = -100;
        net.Constant("b_c", Tensor.Of(bias, 8));
        net.Op("Relu", ["c"], "r");
        long[] dims = image ? [8, 8, 1, 1] : [8, 8];
        float[] weight = Net.Normal(new Numerics.CounterRandom(9), 64);
        for (int i = 0; i < 8; i++)
        {
            weight[op == "Conv" ? 8 * i : i] *= 1000; // the weights of input 0
        }

        net.Op(op, ["r", net.Constant("w", Tensor.Of(weight, dims))], "m");
        net.Op("Relu", ["m"], "p");
        Plain("p", "y");
        Recipe recipe = Jobs.Plain(OnnxRuntimeTargets.X64) with { KeepFloat = [new KeepFloat { Name = "^n_m$" }] };
        var data = new SeededData(net.Graph.Inputs, 16);
        (QuantizationPlan plan, Model quantized) = Jobs.Solve(net.Model, recipe, data);
        Assert.True(plan.KeptFloat.ContainsKey("n_m"));
        Assert.True(plan.Edges.ContainsKey("r") && plan.Edges.ContainsKey("p"));
        Assert.InRange(Fidelity.Sqnr(net.Model, quantized, data), 25, double.PositiveInfinity);
    }

    [Fact]
    public void A_bias_that_is_computed_is_read_in_floats()
    {
        OddLayer layer = OddLayers.Find("conv with computed bias");
        Model model = layer.Build();
        Model quantized = Jobs.Solve(model, Jobs.Plain(TfLiteTarget.Int8), layer.Data(model)).Quantized;
        Node conv = quantized.Graph.Nodes.Single(n => n.Name == "n_y");
        Assert.True(quantized.Graph.Producer(conv.Input(2))!.Is("Tanh"));
    }

    [Fact]
    public void A_signed_bit_alone_is_refused()
    {
        OddLayer layer = OddLayers.Find("conv");
        Model model = layer.Build();
        string message = Assert.Throws<ArgumentException>(() => Jobs.Start(model, Jobs.Plain(ChipTargets.TuringInt1), layer.Data(model))).Message;
        Assert.Contains("turing-int1", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_quantized_model_is_refused()
    {
        OddLayer layer = OddLayers.Find("conv");
        Model model = layer.Build();
        Model quantized = Jobs.Solve(model, Jobs.Plain(OnnxRuntimeTargets.X64), layer.Data(model)).Quantized;
        Assert.Contains("quantized already", Assert.Throws<ModelException>(() => Jobs.Start(quantized, Jobs.Plain(OnnxRuntimeTargets.X64), layer.Data(model))).Message, StringComparison.Ordinal);
    }

    private static Model Optimized(Model model)
    {
        using var folder = new TemporaryFolder();
        string path = folder.File("optimized.onnx");
        OnnxRuntime.OrtSession.Load(model, new OnnxRuntime.OrtOptions { Threads = 1, ChangeLayout = false, SaveOptimizedTo = path }).Dispose();
        return Model.Parse(File.ReadAllBytes(path));
    }
}
