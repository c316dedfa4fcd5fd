using Halftone.Onnx;
using Halftone.Onnx.Targets;
using Halftone.PostTraining.Calibration;
using Halftone.PostTraining.Recipes;

namespace Halftone.PostTraining.Tests.Calibration;

public sealed class RangeMixingTests
{
    [Fact]
    public void A_value_far_below_zero_that_a_PRelu_flattens_gets_a_finer_range_and_the_outputs_gain()
    {
        // one channel reaches far down, and little of it is left behind the PRelu
        var net = new Net([1, 3, 8, 8]);
        net.Conv("x", "a", 8, 3);
        float[] bias = net.Graph.Constant("b_a")!.ToFloats();
        bias[0] = -60;
        net.Constant("b_a", Tensor.Of(bias, 8));
        net.Op("PRelu", ["a", net.Constant("slopes", Tensor.Of([.. Enumerable.Repeat(0.001f, 8)], 8, 1, 1))], "b");
        net.Conv("b", "y", 4, 8);
        RangeCandidate[] tried = Select(net.Model);
        Assert.Equal(RangeSelection.Mixed, tried[0].Method);
        Assert.True(tried[0].Agreement.Sqnr > tried[1].Agreement.Sqnr + 3, $"{tried[0].Agreement.Sqnr} dB after {tried[1].Agreement.Sqnr}");
    }

    [Theory]
    [InlineData("Relu", 0.0)]
    [InlineData("LeakyRelu", 0.04)]
    [InlineData("PRelu", 0.05)]
    [InlineData("Sigmoid", null)]
    public void The_slope_below_zero_is_the_mean_square_of_what_reads_the_value(string op, double? expected)
    {
        var net = new Net([1, 2, 4, 4]);
        net.Conv("x", "a", 2, 2);
        net.Op(op, op == "PRelu" ? ["a", net.Constant("slopes", Tensor.Of([0.1f, -0.3f], 2, 1, 1))] : ["a"], "y", n => _ = op == "LeakyRelu" ? n.With("alpha", 0.2f) : n);
        Assert.Equal(expected ?? double.NaN, NegativeSlopes.Behind(net.Graph, "a") ?? double.NaN, 1e-6);
        Assert.Null(NegativeSlopes.Behind(net.Graph, "y")); // nobody reads it
        net.Op("Add", ["a", "a"], "z");
        Assert.Null(NegativeSlopes.Behind(net.Graph, "a")); // somebody else does, too
    }

    private static RangeCandidate[] Select(Model model)
    {
        Recipe recipe = Jobs.Plain(TargetList.Find("ort-x64")) with { Activations = new ActivationRecipe { Range = "auto" } };
        using QuantizationJob job = Jobs.Start(model, recipe, new SeededData(model.Graph.Inputs, 16));
        job.Solve();
        return [.. job.Candidates];
    }
}
