using System.Collections.Immutable;
using Halftone.Data;
using Halftone.Onnx;
using Halftone.PostTraining.Calibration;
using Halftone.PostTraining.Leaderboards;
using Halftone.PostTraining.Proofs;
using Halftone.PostTraining.Recipes;

namespace Halftone.PostTraining.Tests.Leaderboards;

/// <summary>A leaderboard gives what each recipe gives alone, takes what an earlier run finished, and survives what breaks.</summary>
public sealed class LeaderboardTests
{
    private static readonly string[] s_quick = ["pytorch-dynamic", "weight-only-int8", "intelcaffe-int8", "tensorflow-float16", "tensorflow-int8"];

    // jobs are shared, with a static, a dynamic and a weight-only recipe as the first, and one that reads its layers' inputs behind them
    [Theory]
    [InlineData("intelcaffe-int8", "pytorch-dynamic", "weight-only-int8")]
    [InlineData("pytorch-dynamic", "tensorflow-int8", "intelcaffe-int8")]
    [InlineData("weight-only-int4", "pytorch-static-fbgemm", "weight-only-int8")]
    [InlineData("lapq-w4a4", "aciq-w4a4", "gptaq-w4")]
    [InlineData("pwlq-w4a4", "deep-compression-w4", "halftone-w4a4")]
    public void Each_row_is_the_model_that_quantize_makes(params string[] names)
    {
        using TemporaryFolder folder = new();
        PlantedNet net = PlantedNet.BadWeights();
        Recipe[] recipes = [.. names.Select(RecipeFile.Find).Append(Gptq())];
        LeaderboardResult result = Run(net, LeaderboardCandidate.Of(recipes, []), folder);
        foreach (Recipe recipe in recipes)
        {
            Outcome alone = Quantizer.Quantize(net.Model, recipe, net.Calibration(), Options(net.Labelled(40))).Outcome;
            LeaderboardRow row = result.Rows.Single(r => r.Name == recipe.Name);
            Assert.Equal(LeaderboardStatus.Measured, row.Status);
            Assert.Equal(alone.Quantized.Sha256, row.Sha256);
            Assert.Equal((alone.Quantized.Bytes, alone.CodedBytes), (row.DeployedBytes, row.CodedBytes));
            Assert.Equal(alone.Agreement!.Sqnr, row.Sqnr!.Value, 6);
            Assert.Equal((alone.Engine!.Outputs[0].ArgmaxAgreement, alone.Engine.Outputs[0].Relative, ""), (row.EngineAgreement, row.EngineDifference, row.EngineObstacle));
            Assert.Equal((alone.Accuracy[0].Quantized, alone.Accuracy[0].Difference), (row.Metric, row.Difference));
            Assert.Equal(alone.Accuracy[0].StandardError, row.StandardError!.Value, 9);
        }

        Assert.Equal("top-1", result.Metric);
        Assert.Equal(100, result.Float); // its labels are its own decisions
        Assert.Equal(result.Rows.OrderByDescending(r => r.Metric).ThenBy(r => r.CodedBytes).Select(r => r.Name), result.Rows.Select(r => r.Name));
    }

    // whatever bits a method is asked for
    [Theory]
    [InlineData("bwn@8", 1, 1.5)]
    [InlineData("twn@8", 2, 2.5)]
    [InlineData("intelcaffe-int8@8", 8, 8.5)]
    [InlineData("intelcaffe-int8@3", 3, 3.5)]
    public void Rows_say_how_many_bits_weights_take(string name, double least, double most)
    {
        using TemporaryFolder folder = new();
        string[] parts = name.Split('@');
        Recipe recipe = RecipeFile.Find(parts[0]) with { KeepFloat = [] };
        LeaderboardResult result = Run(PlantedNet.BadWeights(), LeaderboardCandidate.Of([recipe], [CrossedBits.Parse(parts[1])]), folder);
        Assert.InRange(Assert.Single(result.Rows).StoredBits!.Value, least, most);
    }

    [Fact]
    public void A_second_run_takes_what_the_first_finished_and_only_where_all_is_the_same()
    {
        using TemporaryFolder folder = new();
        PlantedNet net = PlantedNet.BadWeights();
        ImmutableArray<LeaderboardCandidate> two = LeaderboardCandidate.Of(s_quick[..2].Select(RecipeFile.Find), []);
        ImmutableArray<LeaderboardCandidate> three = LeaderboardCandidate.Of(s_quick[..3].Select(RecipeFile.Find), []);
        LeaderboardResult first = Run(net, two, folder, out var news);
        Assert.All(news, n => Assert.False(n.Taken));

        LeaderboardResult second = Run(net, three, folder, out news);
        Assert.Equal(two.Select(c => c.Name), news.Where(n => n.Taken).Select(n => n.Row.Name));
        Assert.Equal(3, second.Rows.Length);
        Assert.All(first.Rows, r => Assert.Contains(r, second.Rows));

        // half a line, as a kill leaves it
        string journal = folder.File("rows.jsonl");
        File.WriteAllText(journal, File.ReadAllText(journal)[..^40]);
        Run(net, three, folder, out news);
        Assert.Equal(2, news.Count(n => n.Taken));

        // another model, other measured samples, another recipe under the same name
        Run(PlantedNet.BadActivations(), three, folder, out news);
        Assert.DoesNotContain(news, n => n.Taken);
        Leaderboard.Run(net.Model, three, net.Calibration(), Options(net.Labelled(20)), folder.Path, n => Assert.False(n.Taken), TestContext.Current.CancellationToken);
        Recipe changed = three[0].Recipe with { Weights = three[0].Recipe.Weights with { Symmetric = false } };
        Run(net, [three[0] with { Recipe = changed }], folder, out news);
        Assert.False(Assert.Single(news).Taken);

        File.AppendAllText(journal, "no JSON\n");
        Assert.Throws<DataException>(() => Run(net, two, folder));
    }

    [Fact]
    public void What_breaks_or_does_not_fit_is_a_row_with_its_reason_and_the_rest_goes_on()
    {
        using TemporaryFolder folder = new();
        PlantedNet net = PlantedNet.BadWeights();
        Recipe nothing = RecipeFile.Find("pytorch-dynamic") with { Name = "nothing", Operators = ["LSTM"] };
        bool broken = false;
        int calibrations = 0;
        var data = new SeededData(net.Model.Graph.Inputs, 16, seed: 5) { Change = (_, _, _) => _ = broken ? throw new InvalidOperationException("the cable is out") : 0 };
        QuantizerOptions options = Options(net.Labelled(20)) with { Tell = step => broken = step == "calibrating" && ++calibrations == 1 };
        LeaderboardResult result = Leaderboard.Run(
            net.Model,
            LeaderboardCandidate.Of([RecipeFile.Find("intelcaffe-int8"), nothing, RecipeFile.Find("tensorflow-int8")], []), data, options, folder.Path, _ => broken = false, TestContext.Current.CancellationToken);
        Assert.Equal(["tensorflow-int8", "nothing", "intelcaffe-int8"], result.Rows.Select(r => r.Name));
        Assert.Equal([LeaderboardStatus.Measured, LeaderboardStatus.Skipped, LeaderboardStatus.Failed], result.Rows.Select(r => r.Status));
        Assert.Contains("can be quantized", result.Rows[1].Reason, StringComparison.Ordinal);
        Assert.Contains("the cable is out", result.Rows[2].Reason, StringComparison.Ordinal);
        Assert.Contains("the cable is out", LeaderboardFiles.Csv(result), StringComparison.Ordinal);
        Assert.Contains("intelcaffe-int8 failed", LeaderboardFiles.Markdown(result), StringComparison.Ordinal);
    }

    [Fact]
    public void Bits_cross_what_takes_them()
    {
        Recipe[] recipes = [.. ((string[])["ort-int8", "weight-only-int8", "pytorch-dynamic", "tensorflow-float16"]).Select(RecipeFile.Find)];
        ImmutableArray<LeaderboardCandidate> all = LeaderboardCandidate.Of(recipes, [CrossedBits.Parse("4"), CrossedBits.Parse("3/6")]);
        Assert.Equal(
            ["ort-int8@4", "ort-int8@3/6", "weight-only-int8@4", "weight-only-int8@3/6", "pytorch-dynamic@4", "pytorch-dynamic@3/6", "tensorflow-float16"],
            all.Select(c => c.Name));
        Assert.Equal((4, 8), (all[0].Recipe.Weights.Bits, all[0].Recipe.Activations.Bits));
        Assert.Equal((3, 6), (all[1].Recipe.Weights.Bits, all[1].Recipe.Activations.Bits));
        Assert.Equal([false, false, false, true, false, true, false], all.Select(c => c.Misfit is not null));
        Assert.Throws<FormatException>(() => CrossedBits.Parse("0"));
        Assert.Throws<FormatException>(() => CrossedBits.Parse("4/8/2"));
        Assert.Throws<FormatException>(() => CrossedBits.Parse("17"));
        Assert.Equal(recipes.Select(r => r.Name), LeaderboardCandidate.Of(recipes, []).Select(c => c.Name));
    }

    // weights that a method gives whatever bits are asked for: the second row says that it is the first's
    [Fact]
    public void Bits_that_change_nothing_are_told_so()
    {
        using TemporaryFolder folder = new();
        PlantedNet net = PlantedNet.BadWeights();
        Recipe recipe = RecipeFile.Find("intelcaffe-int8");
        LeaderboardResult result = Run(net, [new("a", recipe, null), new("b", recipe, null)], folder);
        Assert.Equal([LeaderboardStatus.Measured, LeaderboardStatus.Skipped], result.Rows.Select(r => r.Status));
        Assert.Contains("the same model as 'a'", result.Rows[1].Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_labels_outputs_alone_rank()
    {
        using TemporaryFolder folder = new();
        PlantedNet net = PlantedNet.BadWeights();
        LeaderboardResult result = Leaderboard.Run(
            net.Model, LeaderboardCandidate.Of(s_quick.Select(RecipeFile.Find), []), net.Calibration(), Options(net.Calibration()), folder.Path, cancel: TestContext.Current.CancellationToken);
        Assert.Equal(("", null), (result.Metric, result.Float));
        Assert.All(result.Rows, r => Assert.Null(r.Metric));
        Assert.Equal(result.Rows.OrderByDescending(r => r.Sqnr), result.Rows);
        Assert.Equal(s_quick.Length + 1, LeaderboardFiles.Csv(result).Trim().Split('\n').Length);
        LeaderboardResult refused = result with { Rows = [.. result.Rows.Select((r, i) => i == 0 ? r with { EngineAgreement = null, EngineDifference = null, EngineObstacle = "no Foo" } : r)] };
        Assert.Contains("| no |", LeaderboardFiles.Markdown(refused), StringComparison.Ordinal);
        Assert.Contains($"{refused.Rows[0].Name} does not run in the engine: no Foo", LeaderboardFiles.Markdown(refused), StringComparison.Ordinal);
        Assert.Contains(",no Foo,", LeaderboardFiles.Csv(refused), StringComparison.Ordinal);
    }

    [Fact]
    public void A_baseline_measured_once_gives_what_a_comparison_of_both_gives()
    {
        Model model = FashionSamples.Load("fashion_mobilenet");
        (QuantizationPlan _, Model quantized) = Jobs.Solve(model, RecipeFile.Find("intelcaffe-int8") with { Weights = new WeightRecipe { Bits = 3 } }, FashionSamples.Calibration(16));
        foreach (string? metric in (string?[])[null, "top-5", "argmax-agreement"])
        {
            var goal = AccuracyGoal.Of(FashionSamples.Test(200), metric, 1);
            Assert.Equal(goal.Compare(model, quantized), goal.Compare(goal.Measured(model), quantized));
        }
    }

    private static Recipe Gptq() => RecipeFile.Find("weight-only-int4") with { Name = "gptq", Operators = ["MatMul", "Gemm", "Conv"] };

    private static LeaderboardResult Run(PlantedNet net, ImmutableArray<LeaderboardCandidate> candidates, TemporaryFolder folder) => Run(net, candidates, folder, out _);

    private static LeaderboardResult Run(PlantedNet net, ImmutableArray<LeaderboardCandidate> candidates, TemporaryFolder folder, out List<LeaderboardProgress> news)
    {
        List<LeaderboardProgress> told = [];
        LeaderboardResult result = Leaderboard.Run(net.Model, candidates, net.Calibration(), Options(net.Labelled(40)), folder.Path, told.Add, TestContext.Current.CancellationToken);
        Assert.Equal(candidates.Length, told.Count);
        Assert.Equal(Enumerable.Range(1, candidates.Length), told.Select(n => n.Done));
        news = told;
        return result;
    }

    private static QuantizerOptions Options(IDataSet measured) => new()
    {
        Calibration = new CalibrationOptions { Threads = 1 },
        Measured = measured,
        Proof = new ProofOptions { LatencyBudget = TimeSpan.Zero, Details = false },
    };
}
