using Halftone.Formats;
using Halftone.Onnx;
using Halftone.PostTraining.Correction;
using Halftone.PostTraining.Equalization;
using Halftone.PostTraining.Recipes;

namespace Halftone.PostTraining.Tests.Recipes;

/// <summary>A recipe as a list of steps with options, and bits of single nodes.</summary>
public sealed class StepTests
{
    private static Recipe Parse(string rest) => RecipeFile.Parse($$"""{ "schema": 1, "name": "x", {{rest}} }""", "x");

    [Fact]
    public void A_step_is_an_id_or_an_id_with_options_and_is_written_as_it_was_read()
    {
        Recipe recipe = Parse("""
            "corrections": ["lapq", { "iterative-bias-correction": { "samples": 7 } }]
            """);
        Assert.Equal(7, ((IterativeBiasCorrection)recipe.Corrections[1].From(PlanMethods.All)).Samples);
        Assert.Equal(new Lapq(), recipe.Corrections[0].From(PlanMethods.All));
        Assert.Equal("iterative-bias-correction:samples=7", recipe.Corrections[1].ToString());
        Recipe again = RecipeFile.Parse(RecipeFile.Write(recipe), "again");
        Assert.Equal(recipe.Corrections.Select(c => c.ToString()), again.Corrections.Select(c => c.ToString()));
    }

    [Theory]
    [InlineData("\"passes\": [\"cross-layer-equalisation\"]", "passes[0]", "cross-layer-equalization")]
    [InlineData("\"rewrites\": [\"relu-to-relu6\"]", "rewrites[0]", "relu6-to-relu")]
    [InlineData("\"corrections\": [{ \"lapq\": { \"round\": 2 } }]", "corrections[0].lapq.round", "'rounds'")]
    [InlineData("\"corrections\": [{ \"lapq\": { \"rounds\": -1 } }]", "corrections[0].lapq.rounds", "negative")]
    [InlineData("\"corrections\": [{ \"lapq\": 3 }]", "corrections[0].lapq", "object")]
    [InlineData("\"corrections\": [3]", "corrections[0]", "id of a method")]
    [InlineData("\"corrections\": [\"lapq\", \"lapq\"]", "corrections[1]", "twice")]
    [InlineData("\"corrections\": [\"bias-correction\", \"lapq\"]", "corrections[1]", "must come before 'bias-correction'")]
    [InlineData("\"corrections\": [\"bias-correction\", \"iterative-bias-correction\"]", "corrections[1]", "cannot go with")]
    [InlineData("\"passes\": [\"outlier-channel-splitting\", \"cross-layer-equalization\"]", "passes[1]", "must come before")]
    [InlineData("\"activations\": { \"method\": \"logarithmic\" }, \"corrections\": [\"lapq\"]", "activations.method", "'lapq'")]
    [InlineData("\"activations\": { \"method\": \"logarithmic\", \"range\": \"mse\" }", "activations.range", "'affine'")]
    [InlineData("\"activations\": { \"method\": \"logaritmic\" }", "activations.method", "'logarithmic'")]
    [InlineData("\"activations\": { \"inputRange\": [1, 0] }", "activations.inputRange", "smaller first")]
    [InlineData("\"bits\": [{ \"place\": \"first\" }]", "bits[0]", "change nothing")]
    [InlineData("\"bits\": [{ \"place\": \"first\", \"weights\": 17 }]", "bits[0].weights", "1 to 16")]
    [InlineData("\"bits\": [{ \"place\": \"front\", \"weights\": 8 }]", "bits[0].place", "'first' or 'last'")]
    public void What_cannot_be_is_refused_with_its_key(string json, string key, string why)
    {
        ArgumentException error = Assert.Throws<ArgumentException>(() => Parse(json));
        Assert.Contains($"key '{key}'", error.Message, StringComparison.Ordinal);
        Assert.Contains(why, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Orders_and_conflicts_speak_of_steps_that_there_are()
    {
        string[] known = [.. PlanMethods.All.All.Select(m => m.Info.Id), .. EqualizationPasses.All.All.Select(m => m.Info.Id)];
        Assert.Empty(StepOrder.Ids.Except(known));
    }

    [Fact]
    public void Bits_of_single_nodes_hold_for_their_weights_inputs_and_outputs()
    {
        Recipe recipe = new()
        {
            Name = "mixed",
            Target = "ort-x64-vnni",
            Weights = new WeightRecipe { Bits = 4 },
            Activations = new ActivationRecipe { Range = "min-max", Bits = 4 },
            Bits = [new NodeBits { Place = "first", Weights = 8, Activations = 8, Outputs = 6 }, new NodeBits { Op = "Gemm", Weights = 3 }],
        };
        PlantedNet net = PlantedNet.BadWeights();
        (QuantizationPlan plan, Model result) = Jobs.Solve(net.Model, recipe, net.Calibration());
        Assert.Equal([8, 4, 4, 3], ((string[])["n_c1", "n_c2", "n_c3", "n_y"]).Select(n => ((AffineTensor)plan.Weights[new(n, 1)]).Grid.Bits));
        Assert.Equal([8, 6, 4, 4], ((string[])["x", "r1", "r2", "f"]).Select(e => ((AffineGrid)plan.Edges[e]).Codes.Bits));
        Assert.InRange(Fidelity.Sqnr(net.Model, result, net.Calibration()), -5, double.PositiveInfinity);
    }

    [Fact]
    public void Narrow_weights_of_a_static_recipe_are_stored_narrow_where_asked()
    {
        Recipe recipe = new() { Name = "packed", Target = "ort-x64-vnni", Weights = new WeightRecipe { Bits = 4, Packed = true }, Activations = new ActivationRecipe { Range = "min-max" } };
        PlantedNet net = PlantedNet.BadWeights();
        (_, Model packed) = Jobs.Solve(net.Model, recipe, net.Calibration());
        (_, Model wide) = Jobs.Solve(net.Model, recipe with { Weights = recipe.Weights with { Packed = null } }, net.Calibration());
        Assert.Contains(packed.Graph.Initializers.Values, t => t.Type is ElementType.Int4);
        Assert.DoesNotContain(wide.Graph.Initializers.Values, t => t.Type is ElementType.Int4);
        Assert.Equal(Fidelity.Sqnr(net.Model, wide, net.Calibration()), Fidelity.Sqnr(net.Model, packed, net.Calibration()), 0.5);
    }
}
