using System.Text.Json;

namespace Halftone.Cli.Tests.EndToEnd;

/// <summary>Quantizes the bundled network once, for the commands that work on the result.</summary>
public sealed class QuantizedSample : IAsyncLifetime
{
    private readonly TemporaryFolder _folder = new();

    public string Data { get; private set; } = "";

    public string Out => _folder.File("out");

    public string Model => _folder.File("out/fashion_resnet.int8.onnx");

    internal Ran Ran { get; private set; } = new(ExitCode.Internal, "", "");

    public string[] DataOptions => ["--data", Data, "--preprocess", Bundled.Preprocessing];

    public string File(string name) => _folder.File(name);

    public async ValueTask InitializeAsync()
    {
        Data = Bundled.Images(_folder, 40, 120);
        Ran = await CommandLine.Run(["quantize", Bundled.Resnet, .. DataOptions, "--max-drop", "5", "-o", Out, "--json"]);
        Assert.True(Ran.Code is ExitCode.Ok, Ran.Error);
    }

    public ValueTask DisposeAsync()
    {
        _folder.Dispose();
        return ValueTask.CompletedTask;
    }
}

/// <summary>The way of a new user through the commands, on the bundled network.</summary>
public sealed class CommandTests(QuantizedSample sample) : IClassFixture<QuantizedSample>
{
    [Fact]
    public void Quantize_writes_model_recipe_outcome_and_report_and_says_so_as_JSON()
    {
        Assert.Equal(
            ["fashion_resnet.int8.onnx", "outcome.json", "recipe.json", "report.html"],
            Directory.GetFiles(sample.Out).Select(f => Path.GetFileName(f)!).Order(StringComparer.Ordinal));
        JsonElement outcome = Parsed(sample.Ran);
        Assert.Equal("good", outcome.GetProperty("status").GetString());
        Assert.Equal(40, outcome.GetProperty("calibration").GetProperty("samples").GetInt32());
        JsonElement accuracy = Assert.Single(outcome.GetProperty("accuracy").EnumerateArray());
        Assert.Equal(120, accuracy.GetProperty("samples").GetInt32()); // those that did not calibrate
        Assert.InRange(accuracy.GetProperty("quantized").GetDouble(), 85, 100);
        Assert.True(outcome.GetProperty("quantized").GetProperty("bytes").GetInt64() * 3 < outcome.GetProperty("float").GetProperty("bytes").GetInt64());
        JsonElement written = JsonElement.Parse(File.ReadAllText(Path.Combine(sample.Out, "outcome.json")));
        Assert.Equal(outcome.GetProperty("reason").GetString(), written.GetProperty("reason").GetString());
    }

    [Fact]
    public async Task The_written_recipe_gives_the_same_bytes_again()
    {
        Ran again = await CommandLine.Run(
            ["quantize", Bundled.Resnet, .. sample.DataOptions, "--recipe", Path.Combine(sample.Out, "recipe.json"), "--threads", "1", "-o", sample.File("again")]);
        Assert.True(again.Code is ExitCode.Ok, again.Error);
        Assert.Equal(File.ReadAllBytes(sample.Model), File.ReadAllBytes(sample.File("again/fashion_resnet.int8.onnx")));
        foreach (string line in (string[])["recipe", "calibrated  on 40 samples", "ranges", "kernels", "accuracy    top-1", "outputs", "speed", "size", "wrote", "good"])
        {
            Assert.Contains(line, again.Out, StringComparison.Ordinal);
        }
    }

    // an end of a range may be negative, which must not look like an option
    [Theory]
    [InlineData("--input-range", "-0.8103,2.0227")]
    [InlineData("--input-range=-0.8103,2.0227")]
    public async Task Without_samples_the_range_of_the_input_is_enough_for_DFQ(params string[] range)
    {
        using TemporaryFolder folder = new();
        Ran ran = await CommandLine.Run(["quantize", Bundled.Mobilenet, "--recipe", "dfq-int8", .. range, "-o", folder.Path]);
        Assert.True(ran.Code is ExitCode.Ok, ran.Error);
        Ran evaluated = await CommandLine.Run(["evaluate", folder.File("fashion_mobilenet.int8.onnx"), .. sample.DataOptions, "--json"]);
        Assert.InRange(Parsed(evaluated).GetProperty("value").GetDouble(), 85, 100);
    }

    [Fact]
    public async Task Evaluate_measures_what_quantize_measured()
    {
        JsonElement accuracy = Parsed(sample.Ran).GetProperty("accuracy")[0];
        foreach ((string model, string which) in ((string, string)[])[(Bundled.Resnet, "float"), (sample.Model, "quantized")])
        {
            JsonElement value = Parsed(await CommandLine.Run(["evaluate", model, .. sample.DataOptions, "--json"]));
            Assert.Equal(accuracy.GetProperty(which).GetDouble(), value.GetProperty("value").GetDouble(), 1e-9);
            Assert.Equal(("top-1", "%", 120), (value.GetProperty("metric").GetString(), value.GetProperty("unit").GetString(), value.GetProperty("samples").GetInt32()));
        }

        Ran text = await CommandLine.Run(["evaluate", sample.Model, .. sample.DataOptions, "--metric", "top-5"]);
        Assert.Matches(@"^top-5 \d+\.\d{3} % \(95 % interval \d+\.\d\d to \d+\.\d\d\) on 120 images", text.Out);
        Assert.Empty(text.Error);
    }

    [Fact]
    public async Task Compare_gives_fidelity_and_latency()
    {
        JsonElement compared = Parsed(await CommandLine.Run(["compare", Bundled.Resnet, sample.Model, .. sample.DataOptions, "--samples", "32", "--json"]));
        Assert.InRange(compared.GetProperty("outputs")[0].GetProperty("sqnrDecibels").GetDouble(), 15, 80);
        Assert.True(compared.GetProperty("latency").GetProperty("rounds").GetInt32() >= 5);
        Ran same = await CommandLine.Run(["compare", Bundled.Resnet, Bundled.Resnet, .. sample.DataOptions, "--samples", "8"]);
        Assert.Contains("same largest entry in 100.0 % of 8 rows", same.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Sensitivity_ranks_nodes()
    {
        Ran ran = await CommandLine.Run(["sensitivity", Bundled.Resnet, .. sample.DataOptions, "--range", "mse", "--json"]);
        double[] sqnr = [.. Parsed(ran).EnumerateArray().Select(n => n.GetProperty("sqnr").GetDouble())];
        Assert.True(sqnr.Length > 5, ran.Error);
        Assert.All(sqnr, s => Assert.True(s > 10));
    }

    [Fact]
    public async Task Check_finds_no_broken_rule_in_a_model_made_for_the_target_and_some_for_another()
    {
        Ran own = await CommandLine.Run("check", sample.Model, "--target", "ort-x64");
        Assert.True(own.Code is ExitCode.Ok, own.Out);
        Ran other = await CommandLine.Run("check", sample.Model, "--target", "tensorrt", "--json");
        Assert.Equal(ExitCode.InvalidInput, other.Code);
        Assert.All(Parsed(other).EnumerateArray(), d => Assert.NotEmpty(d.GetProperty("id").GetString()!));
    }

    [Theory]
    [InlineData("qoperator")]
    [InlineData("qcdq")]
    [InlineData("float")]
    public async Task Convert_keeps_the_outputs(string format)
    {
        string to = sample.File($"converted.{format}.onnx");
        Ran ran = await CommandLine.Run("convert", sample.Model, "--to", format, "-o", to);
        Assert.True(ran.Code is ExitCode.Ok, ran.Error);
        Assert.Contains($"wrote {to}", ran.Out, StringComparison.Ordinal);
        JsonElement compared = Parsed(await CommandLine.Run(["compare", format == "float" ? Bundled.Resnet : sample.Model, to, .. sample.DataOptions, "--samples", "16", "--json"]));
        Assert.True(compared.GetProperty("outputs")[0].GetProperty("argmaxAgreement").GetDouble() >= 0.9);
    }

    [Fact]
    public async Task Inspect_shows_the_types_that_a_quantized_model_computes_with()
    {
        JsonElement seen = Parsed(await CommandLine.Run("inspect", sample.Model, "--target", "ort-x64", "--json"));
        Assert.Contains(seen.GetProperty("quantized").EnumerateArray(), n => n.GetProperty("precision").GetString() == "uint8 x int8");
        Ran text = await CommandLine.Run("inspect", sample.Model, "--target", "ort-x64");
        Assert.Contains("uint8 x int8", text.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Tune_meets_an_easy_goal_with_its_first_trial()
    {
        Ran ran = await CommandLine.Run(["tune", Bundled.Resnet, .. sample.DataOptions, "--max-drop", "10", "--budget", "1m", "-o", sample.File("tuned"), "--json"]);
        Assert.True(ran.Code is ExitCode.Ok, ran.Error);
        JsonElement result = Parsed(ran);
        Assert.True(result.GetProperty("goalMet").GetBoolean());
        Assert.Single(result.GetProperty("trials").EnumerateArray());
        Assert.Equal(0, result.GetProperty("best").GetProperty("floatMacs").GetDouble());
        Assert.All((string[])["best.onnx", "recipe.json", "trials.jsonl", "report.html"], f => Assert.True(File.Exists(sample.File("tuned/" + f)), f));
    }

    [Fact]
    public async Task Demo_shows_one_table()
    {
        string to = sample.File("demo");
        Ran ran = await CommandLine.Run("demo", "--recipe", "tensorflow-dynamic-range", "--samples", "60", "-o", to);
        Assert.True(ran.Code is ExitCode.Ok, ran.Error);
        Assert.Contains("fashion_mobilenet.onnx", ran.Out, StringComparison.Ordinal);
        Assert.Contains("Top-1 on 60 labelled Fashion-MNIST test images", ran.Out, StringComparison.Ordinal);
        string report = ran.Out.Split("Reports: ")[1].Split(" and beside")[0];
        Assert.True(File.Exists(report), report);
    }

    [Fact]
    public async Task Weights_alone_need_no_data()
    {
        Ran ran = await CommandLine.Run("quantize", Bundled.Resnet, "--recipe", "tensorflow-dynamic-range", "-o", sample.File("dynamic"));
        Assert.True(ran.Code is ExitCode.Ok, ran.Error);
        Assert.Contains("without --data nothing else was compared", ran.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Recipes_and_methods_are_listed_and_shown_in_full()
    {
        Ran list = await CommandLine.Run("recipes");
        Assert.Contains("ort-int8", list.Out, StringComparison.Ordinal);
        Ran one = await CommandLine.Run("recipes", "ort-int8");
        Assert.Equal("ort-int8", JsonDocument.Parse(one.Out).RootElement.GetProperty("name").GetString());
        Assert.NotEmpty(JsonDocument.Parse(one.Out).RootElement.GetProperty("source").GetString()!);
        string file = sample.File("mine.json");
        File.WriteAllText(file, one.Out);
        Ran used = await CommandLine.Run(["quantize", Bundled.Resnet, .. sample.DataOptions, "-r", file, "--range", "percentile:percent=99.9", "-o", sample.File("mine"), "--json"]);
        JsonElement activations = Parsed(used).GetProperty("recipe").GetProperty("activations");
        Assert.Equal(("percentile", 99.9), (activations.GetProperty("range").GetString(), activations.GetProperty("options").GetProperty("percent").GetDouble()));
        Ran method = await CommandLine.Run("methods", "kl-entropy");
        Assert.Contains("kl-entropy", method.Out, StringComparison.Ordinal);
        Assert.Contains("by default", method.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Doctor_says_what_8_bits_gain_here_and_that_all_works()
    {
        JsonElement seen = Parsed(await CommandLine.Run("doctor", "--json"));
        Assert.All(seen.GetProperty("needs").EnumerateArray(), n => Assert.True(n.GetProperty("works").GetBoolean(), n.GetRawText()));
        Assert.True(seen.GetProperty("int8Speed").GetProperty("ratio").GetDouble() > 0);
        Assert.NotEmpty(seen.GetProperty("machine").GetProperty("processor").GetString()!);
        Ran text = await CommandLine.Run("doctor");
        Assert.All((string[])["processor", "has", "8 bits", "measured", "works"], l => Assert.Contains($"{l} ", text.Out, StringComparison.Ordinal));
    }

    private static JsonElement Parsed(Ran ran)
    {
        Assert.True(ran.Out.Length > 0, ran.Error);
        return JsonElement.Parse(ran.Out);
    }
}
