using Halftone.Data;
using Halftone.Onnx;
using Halftone.PostTraining.Calibration;
using Halftone.PostTraining.Proofs;
using Halftone.PostTraining.Recipes;
using Halftone.PostTraining.Tuning;

namespace Halftone.PostTraining.Tests.Tuning;

public sealed class TunerTests
{
    private const int Measured = 200;
    private const double Allowed = 8; // points: the sound layers lose less, the planted one more

    [Fact]
    public void IntelCaffes_loop_takes_the_planted_layer_back_to_float_and_stops()
    {
        using var folder = new TemporaryFolder();
        var net = PlantedNet.BadWeights();
        TuningResult result = Run(net, folder.Path, new TunerOptions { MaxDrop = Allowed, Step = 1 });
        Assert.True(result.GoalMet);
        Assert.Equal(100, result.FloatMetric);
        Assert.True(result.Trials[0].Drop > 10, "the planted layer spoils the model");
        Assert.True(result.Best.FloatNodes is ["n_c2"], string.Join("; ", result.Trials.Select(t => $"{t.Key} [{string.Join(' ', t.FloatNodes)}] loses {t.Drop}")));
        Assert.Equal(result.Best, result.Trials[^1]); // nothing was tried behind the first that is good enough
        Assert.True(result.Plan.KeptFloat.ContainsKey("n_c2"));
        Assert.InRange(result.Best.FloatMacs, 0.3, 0.5);
    }

    [Fact]
    public void The_recipe_on_disk_makes_the_model_on_disk()
    {
        using var folder = new TemporaryFolder();
        var net = PlantedNet.BadWeights();
        TuningResult result = Run(net, folder.Path, new TunerOptions { MaxDrop = Allowed, Step = 1 });
        Recipe recipe = RecipeFile.Find(folder.File("recipe.json"));
        Model again = Jobs.Solve(net.Model, recipe, net.Calibration()).Quantized;
        Assert.Equal(File.ReadAllBytes(result.ModelPath), again.ToBytes());
        Assert.Equal(result.Best.Metric, Goal(net, Measured).Measure(Model.Load(result.ModelPath)).Value);
    }

    [Fact]
    public void A_goal_out_of_reach_leaves_the_best_model_and_says_so()
    {
        using var folder = new TemporaryFolder();
        var net = PlantedNet.BadWeights();
        List<double> bests = [];
        TuningResult? result = null;
        var progress = new Told(trial =>
        {
            // after every trial the best so far lies there, whole, with its recipe
            double measured = Goal(net, Measured).Measure(Model.Load(folder.File("best.onnx"))).Value;
            bests.Add(measured);
            Assert.Equal(trial.Best, measured == trial.Metric || trial.Best);
            Assert.NotEmpty(RecipeFile.Find(folder.File("recipe.json")).Name);
        });
        result = Run(net, folder.Path, new TunerOptions { MaxDrop = -1, Progress = progress }); // float is right on all, so nothing can gain
        Assert.False(result.GoalMet);
        Assert.True(File.Exists(result.ModelPath));
        Assert.Equal(bests.Order(), bests);
        Assert.Equal(result.Trials.Max(t => t.Metric), result.Best.Metric);
        Assert.Contains(result.Trials, t => t.FloatNodes.Length == 2); // 1, 2, 4, ...
        Assert.Equal(result.Trials.Length, result.Trials.Select(t => t.Key).Distinct().Count());
    }

    [Fact]
    public void A_cancelled_run_goes_on_without_repeating_a_trial()
    {
        using var folder = new TemporaryFolder();
        var net = PlantedNet.BadWeights();
        using var cancel = new CancellationTokenSource();
        int made = 0;
        var stop = new TunerOptions
        {
            MaxDrop = -1,
            Progress = new Told(_ =>
            {
                if (++made == 2)
                {
                    cancel.Cancel();
                }
            }),
        };
        Assert.ThrowsAny<OperationCanceledException>(() => Run(net, folder.Path, stop, cancel: cancel.Token));
        Assert.Equal(2, made);
        Assert.True(File.Exists(folder.File("best.onnx")));

        List<string> later = [];
        SeededData labelled = net.Labelled(Measured);
        TuningResult result = Run(net, folder.Path, new TunerOptions { MaxDrop = -1, Progress = new Told(t => later.Add(t.Key)) }, labelled);
        Assert.Equal(result.Trials.Select(t => t.Key).Skip(2), later);
        Assert.Equal(result.Trials.Length, result.Trials.Select(t => t.Key).Distinct().Count());

        // one reading to see what can be measured, the float model, and each trial that was left
        Assert.InRange(labelled.Reads, Measured * (1 + later.Count), (Measured * (1 + later.Count)) + 5);
        using var whole = new TemporaryFolder();
        TuningResult unbroken = Run(net, whole.Path, new TunerOptions { MaxDrop = -1 });
        Assert.Equal(unbroken.Trials.Select(t => t with { Seconds = 0 }).Select(t => (t.Key, t.Metric, t.Best)), result.Trials.Select(t => (t.Key, t.Metric, t.Best)));
        Assert.Equal(File.ReadAllBytes(unbroken.ModelPath), File.ReadAllBytes(result.ModelPath));
    }

    [Fact]
    public void A_line_cut_off_by_a_crash_is_made_again_and_a_lost_model_too()
    {
        using var folder = new TemporaryFolder();
        var net = PlantedNet.BadWeights();
        TuningResult first = Run(net, folder.Path, new TunerOptions { MaxDrop = Allowed, Step = 1 });
        string journal = folder.File("trials.jsonl");
        string text = File.ReadAllText(journal);
        File.WriteAllText(journal, text[..^20]);
        byte[] best = File.ReadAllBytes(first.ModelPath);
        File.Delete(first.ModelPath);
        TuningResult second = Run(net, folder.Path, new TunerOptions { MaxDrop = Allowed, Step = 1 });
        Assert.Equal(first.Trials.Select(t => t.Key), second.Trials.Select(t => t.Key));
        Assert.Equal(best, File.ReadAllBytes(second.ModelPath));
    }

    [Fact]
    public void A_finished_run_is_only_read_again()
    {
        using var folder = new TemporaryFolder();
        var net = PlantedNet.BadWeights();
        TuningResult first = Run(net, folder.Path, new TunerOptions { MaxDrop = Allowed, Step = 1 });
        TuningResult second = Run(net, folder.Path, new TunerOptions { MaxDrop = Allowed, Step = 1, Progress = new Told(t => Assert.Fail($"{t.Key} was made again")) });
        Assert.Equal(first.Best.Key, second.Best.Key);
        Assert.Equal(first.Plan.KeptFloat, second.Plan.KeptFloat);
    }

    [Fact]
    public void Another_models_folder_is_refused_and_damage_is_named()
    {
        using var folder = new TemporaryFolder();
        Run(PlantedNet.BadWeights(), folder.Path, new TunerOptions { MaxDrop = 100 });
        Assert.Contains("another model", Assert.Throws<DataException>(() => Run(PlantedNet.BadActivations(), folder.Path, new TunerOptions())).Message, StringComparison.Ordinal);
        string journal = folder.File("trials.jsonl");
        File.WriteAllText(journal, File.ReadAllText(journal) + "{ nonsense\n");
        Assert.Contains("line 3", Assert.Throws<DataException>(() => Run(PlantedNet.BadWeights(), folder.Path, new TunerOptions())).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_time_the_first_trial_is_made_all_the_same_and_no_other()
    {
        using var folder = new TemporaryFolder();
        TuningResult result = Run(PlantedNet.BadWeights(), folder.Path, new TunerOptions { MaxDrop = -1, Budget = TimeSpan.Zero });
        Assert.Single(result.Trials);
        Assert.False(result.GoalMet);
        Assert.True(File.Exists(result.ModelPath));
    }

    [Fact]
    public void Sixteen_bits_are_tried_before_float_and_helps_where_activations_are_bad()
    {
        using var folder = new TemporaryFolder();
        var net = PlantedNet.BadActivations();
        TuningResult result = Run(net, folder.Path, new TunerOptions { MaxDrop = Allowed, Wide = true }, opset: 21);
        Assert.True(result.GoalMet);
        Assert.NotEmpty(result.Best.WideNodes);
        Assert.Empty(result.Best.FloatNodes);
        Model again = Jobs.Solve(net.Model, RecipeFile.Find(folder.File("recipe.json")), net.Calibration()).Quantized;
        Assert.Equal(File.ReadAllBytes(result.ModelPath), again.ToBytes());
    }

    [Theory]
    [InlineData("weight-only-int8")]
    [InlineData("pytorch-dynamic")]
    public void Recipes_without_ranges_tune_too(string recipe)
    {
        using var folder = new TemporaryFolder();
        var net = PlantedNet.BadWeights();
        TuningResult result = Run(net, folder.Path, new TunerOptions { MaxDrop = -1 }, recipe: RecipeFile.Find(recipe));
        Assert.Equal("range=auto", result.Trials[0].Key);
        Assert.Single(result.Trials); // with its one Gemm back in float nothing would be quantized
        Assert.Equal(File.ReadAllBytes(result.ModelPath), Jobs.Solve(net.Model, RecipeFile.Find(folder.File("recipe.json")), net.Calibration()).Quantized.ToBytes());
    }

    [Fact]
    public void A_sample_network_meets_half_a_point_at_once()
    {
        using var folder = new TemporaryFolder();
        Model model = FashionSamples.Load("fashion_resnet");
        using QuantizationJob job = Jobs.Start(model, RecipeFile.Find("ort-int8"), FashionSamples.Calibration(64));
        TuningResult result = Tuner.Run(job, AccuracyGoal.Of(FashionSamples.Test(400), null, 2), new TunerOptions { MaxDrop = 1 }, folder.Path);
        Assert.True(result.GoalMet);
        Assert.Empty(result.Best.FloatNodes);
    }

    private static AccuracyGoal Goal(PlantedNet net, int count) => AccuracyGoal.Of(net.Labelled(count), null, 1);

    private static TuningResult Run(PlantedNet net, string folder, TunerOptions options, SeededData? labelled = null, int opset = 0, Recipe? recipe = null, CancellationToken cancel = default)
    {
        var quantizing = new QuantizerOptions { MinimumOpset = opset, Calibration = new CalibrationOptions { Threads = 1 } };
        using QuantizationJob job = Jobs.Start(net.Model, recipe ?? PlantedNet.Recipe, net.Calibration(), quantizing);
        return Tuner.Run(job, AccuracyGoal.Of(labelled ?? net.Labelled(Measured), null, 1), options, folder, cancel);
    }

    private sealed class Told(Action<Trial> tell) : IProgress<Trial>
    {
        public void Report(Trial value) => tell(value);
    }
}
