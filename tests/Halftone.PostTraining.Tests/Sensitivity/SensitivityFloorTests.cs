using Halftone.Onnx;
using Halftone.PostTraining.Proofs;
using Halftone.PostTraining.Recipes;

namespace Halftone.PostTraining.Tests.Sensitivity;

public sealed class SensitivityFloorTests
{
    private static readonly QuantizerOptions s_quick = new() { Proof = new ProofOptions { LatencyBudget = TimeSpan.Zero, Details = false } };

    [Fact]
    public void Nodes_are_kept_float_in_the_order_of_their_damage_until_the_outputs_reach_the_floor_and_the_recipe_says_which()
    {
        Model model = Hard();
        var data = new SeededData(model.Graph.Inputs, 16);
        Recipe recipe = new() { Name = "floor", Activations = new ActivationRecipe { Range = "min-max" } };
        Outcome without = Quantizer.Quantize(model, recipe, data, s_quick).Outcome;
        Assert.True(without.Agreement!.Sqnr < 20, $"{without.Agreement.Sqnr} dB is no hard case");
        QuantizationResult with = Quantizer.Quantize(model, recipe with { LeastSqnr = 20 }, data, s_quick);
        Assert.True(with.Outcome.Agreement!.Sqnr >= 20);
        // the value between the two is what 8 bits drown, so both must leave them; the first layer stays
        Assert.Equal(["n_c", "n_y"], with.Outcome.KeptFloat.Where(k => k.Value.Contains("hurt most", StringComparison.Ordinal)).Select(k => k.Key));

        // the recipe that is written with it makes the same model
        Assert.Equal(with.Model.ToBytes(), Quantizer.Quantize(model, with.Outcome.Recipe, data, s_quick).Model.ToBytes());
    }

    [Fact]
    public void Where_no_floor_is_asked_for_or_it_is_reached_nothing_changes()
    {
        Model model = Hard();
        var data = new SeededData(model.Graph.Inputs, 16);
        Recipe recipe = new() { Name = "floor", Activations = new ActivationRecipe { Range = "min-max" } };
        QuantizationResult plain = Quantizer.Quantize(model, recipe, data, s_quick);
        double reached = Math.Floor(plain.Outcome.Agreement!.Sqnr);
        Assert.InRange(reached, 1, 19);
        Assert.Equal(plain.Model.ToBytes(), Quantizer.Quantize(model, recipe with { LeastSqnr = reached }, data, s_quick).Model.ToBytes());
    }

    // the last layer takes a small difference of two large values, which 8 bits drown
    private static Model Hard()
    {
        var net = new Net([1, 4, 6, 6]);
        net.Conv("x", "a", 4, 4);
        net.Op("Relu", ["a"], "b");
        net.Conv("b", "c", 2, 4);
        float[] weight = net.Graph.Constant("w_c")!.ToFloats();
        float[] bias = [10, 10];
        weight.AsSpan(0, 36).CopyTo(weight.AsSpan(36));
        for (int i = 36; i < 72; i++)
        {
            weight[i] *= 1.05f;
        }

        net.Constant("w_c", Tensor.Of(weight, 2, 4, 3, 3));
        net.Constant("b_c", Tensor.Of(bias, 2));
        net.Op("Conv", ["c", net.Constant("w_y", Tensor.Of([1f, -1f], 1, 2, 1, 1))], "y");
        return net.Model;
    }
}
