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
        Assert.True(tried[0].Agreement!.Sqnr > tried[1].Agreement!.Sqnr + 3, $"{tried[0].Agreement!.Sqnr} dB after {tried[1].Agreement!.Sqnr}");
    }

    [Fact]
    public void Never_further_from_the_float_model_than_the_best_single_method_and_the_same_every_time()
    {
        foreach (int seed in Enumerable.Range(1, 6))
        {
            var net = new Net([1, 3, 8, 8], seed: seed);
            net.Conv("x", "a", 6, 3);
            net.Op("LeakyRelu", ["a"], "b");
            net.Conv("b", "c", 6, 6, group: 6);
            net.Op("Add", ["b", "c"], "d");
            net.Conv("d", "y", 4, 6);
            RangeCandidate[] tried = Select(net.Model);
            Assert.All(tried.Skip(1), t => Assert.True(t.Agreement!.Sqnr <= tried[0].Agreement!.Sqnr + 0.1)); // min/max wins ties of a tenth
            Assert.Equal(tried[0].Agreement, Select(net.Model)[0].Agreement);
        }
    }

    private static RangeCandidate[] Select(Model model)
    {
        Recipe recipe = Jobs.Plain(TargetList.Find("ort-x64")) with { Activations = new ActivationRecipe { Range = "auto" } };
        using QuantizationJob job = Jobs.Start(model, recipe, new SeededData(model.Graph.Inputs, 16));
        job.Solve();
        return [.. job.Candidates];
    }
}
