using System.Text.Json;
using Halftone.Data;
using Halftone.Onnx;

namespace Halftone.Cli.Tests.EndToEnd;

/// <summary>Halftone's engine on the command line, beside ONNX Runtime.</summary>
public sealed class EngineCommandTests(QuantizedSample sample) : IClassFixture<QuantizedSample>
{
    private const int Pixels = Bundled.Side * Bundled.Side;

    [Fact]
    public async Task Run_gives_the_outputs_of_ONNX_Runtime_on_the_first_samples()
    {
        JsonElement[] Outputs(Ran ran) => [.. Parsed(ran).GetProperty("outputs").EnumerateArray()];
        string to = sample.File("run-data");
        JsonElement[] own = Outputs(await CommandLine.Run(["run", sample.Model, .. sample.DataOptions, "--samples", "3", "-o", to, "--json"]));
        JsonElement[] ort = Outputs(await CommandLine.Run(["run", sample.Model, .. sample.DataOptions, "--samples", "3", "--engine", "ort", "--json"]));
        (_, byte[] labels) = Bundled.Test(3);
        Assert.Equal(3, own.Length);
        for (int i = 0; i < 3; i++)
        {
            Assert.Equal(("logits", "float"), (own[i].GetProperty("name").GetString(), own[i].GetProperty("type").GetString()));
            Assert.Equal([1, 10], own[i].GetProperty("dims").EnumerateArray().Select(d => d.GetInt32()));
            Assert.Equal(labels[i], own[i].GetProperty("largest")[0].GetProperty("index").GetInt32()); // the first images are easy
            foreach (string number in (string[])["min", "max", "mean"])
            {
                Assert.Equal(ort[i].GetProperty(number).GetDouble(), own[i].GetProperty(number).GetDouble(), 0.05);
            }

            Tensor written = NpyFile.Read(Path.Combine(to, $"logits.{i}.npy"));
            Assert.Equal([1, 10], written.Dims);
            float[] values = written.ToFloats();
            Assert.Equal(own[i].GetProperty("max").GetDouble(), values.Max(), 1e-6);
            Assert.Equal(own[i].GetProperty("mean").GetDouble(), values.Average(), 1e-5);
            Assert.Equal(labels[i], Array.IndexOf(values, values.Max()));
        }
    }

    [Fact]
    public async Task Run_takes_tensors_from_files_and_random_values_where_nothing_is_given()
    {
        float[] pixels = Array.ConvertAll(Bundled.Test(1).Pixels, p => (p / 255f * 2) - 1);
        var x = Tensor.Of(pixels, 1, 1, Bundled.Side, Bundled.Side);
        string input = Model.Load(sample.Model).Graph.Inputs[0].Name;
        NpyFile.Write(sample.File("x.npy"), x);
        TensorFile.Write(sample.File("x.pb"), "x", x);
        string npy = (await CommandLine.Run("run", sample.Model, "--input", $"{input}={sample.File("x.npy")}")).Out;
        Assert.Matches(@"^logits: float \[1,10\], from -\d.*\n  largest: \[\d\] \d", npy);
        Assert.Equal(npy, (await CommandLine.Run("run", sample.Model, "-i", sample.File("x.pb"), "--tier", "reference")).Out);

        Ran random = await CommandLine.Run("run", sample.Model, "--seed", "5");
        Assert.Contains("random (seed 5)", random.Error, StringComparison.Ordinal);
        Assert.Equal(random.Out, (await CommandLine.Run("run", sample.Model, "--seed", "5")).Out);
        Assert.NotEqual(random.Out, (await CommandLine.Run("run", sample.Model, "--seed", "6")).Out);
        Ran fixedPoint = await CommandLine.Run("run", sample.Model, "-i", sample.File("x.npy"), "--requantization", "single-rounding");
        Assert.StartsWith("logits: float [1,10]", fixedPoint.Out, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(ExitCode.Usage, "There are: halftone, ort", "--engine", "tflite")]
    [InlineData(ExitCode.Usage, "single-rounding", "--requantization", "up")]
    [InlineData(ExitCode.Usage, "There are: int32, int16-with-outliers, pair-saturating", "--accumulation", "int8")]
    [InlineData(ExitCode.Usage, "--accumulation is for Halftone's engine", "--engine", "ort", "--accumulation", "pair-saturating")]
    [InlineData(ExitCode.Usage, "--tier is for Halftone's engine", "--engine", "ort", "--tier", "avx2")]
    [InlineData(ExitCode.Usage, "Tiers: avx512vnni, avxvnni, avx2, advsimd, reference", "--tier", "avx3")]
    [InlineData(ExitCode.Usage, "name=file", "--input", "nothing=x.npy")]
    [InlineData(ExitCode.InvalidInput, "missing.npy", "--input", "missing.npy")]
    [InlineData(ExitCode.Usage, "give one of them", "--input", "x.npy", "--data", "x")]
    public async Task What_is_asked_wrongly_is_said(ExitCode code, string hint, params string[] options)
    {
        Ran ran = await CommandLine.Run(["run", sample.Model, .. options, "-o", sample.File("never")]);
        Assert.Equal(code, ran.Code);
        Assert.Contains(hint, ran.Error, StringComparison.Ordinal);
        Assert.Single(ran.Error.TrimEnd().Split('\n'));
        Assert.False(Directory.Exists(sample.File("never")));
    }

    [Fact]
    public async Task A_tensor_that_does_not_fit_names_both_lengths()
    {
        NpyFile.Write(sample.File("small.npy"), Tensor.Of(new float[Pixels], Bundled.Side, Bundled.Side));
        Ran ran = await CommandLine.Run("run", sample.Model, "-i", sample.File("small.npy"));
        Assert.Equal(ExitCode.InvalidInput, ran.Code);
        Assert.Contains("[28,28]", ran.Error, StringComparison.Ordinal);
        Assert.Contains(",1,28,28]", ran.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("run")]
    [InlineData("bench")]
    public async Task An_operator_that_the_engine_lacks_is_named_with_what_runs_the_model(string command)
    {
        Model model = Model.Create(13, [new ValueInfo("x", ElementType.Float, [2, 3, 3])], [new ValueInfo("y", ElementType.Float, null)]);
        model.Graph.Add(new Node("volume", "Det", ["x"], ["y"]));
        model.Save(sample.File("det.onnx"));
        Ran ran = await CommandLine.Run(command, sample.File("det.onnx"), "--verbosity", "minimal");
        Assert.Equal(ExitCode.InvalidInput, ran.Code);
        Assert.Contains("Det of node 'volume'", ran.Error, StringComparison.Ordinal);
        Assert.Contains("--engine ort", ran.Error, StringComparison.Ordinal);
        Assert.Single(ran.Error.TrimEnd().Split('\n'));
        Ran ort = await CommandLine.Run([command, sample.File("det.onnx"), "--engine", "ort", .. command == "bench" ? (string[])["--seconds", "0.1"] : []]);
        Assert.True(ort.Code is ExitCode.Ok, ort.Error);
    }

    [Fact]
    public async Task Bench_times_both_in_turns_and_shows_the_steps()
    {
        Ran ran = await CommandLine.Run("bench", sample.Model, "--threads", "1", "--seconds", "0.5", "--profile", "--json");
        Assert.True(ran.Code is ExitCode.Ok, ran.Error);
        JsonElement both = Parsed(ran);
        JsonElement latency = both.GetProperty("latency");
        Assert.True(latency.GetProperty("onnxRuntimeMilliseconds").GetDouble() > 0 && latency.GetProperty("halftoneMilliseconds").GetDouble() > 0);
        Assert.InRange(latency.GetProperty("ratio").GetDouble(), latency.GetProperty("ratioLow").GetDouble(), latency.GetProperty("ratioHigh").GetDouble());
        Assert.Equal(0, both.GetProperty("allocatedBytes").GetDouble());
        Assert.NotEmpty(both.GetProperty("machine").GetProperty("processor").GetString()!);
        string[] steps = [.. both.GetProperty("steps").EnumerateArray().Select(s => s.GetProperty("name").GetString()!)];
        Assert.Contains(steps, s => s.StartsWith("Conv ", StringComparison.Ordinal));
        double[] times = [.. both.GetProperty("steps").EnumerateArray().Select(s => s.GetProperty("microseconds").GetDouble())];
        Assert.Equal(times.OrderDescending(), times);
    }

    [Theory]
    [InlineData("halftone", "reference kernels")]
    [InlineData("ort", "ort ")]
    public async Task Bench_times_one_alone(string engine, string shown)
    {
        string[] tier = engine == "ort" ? [] : ["--tier", "reference"];
        Ran ran = await CommandLine.Run(["bench", sample.Model, "--engine", engine, .. tier, "--threads", "1", "--seconds", "0.2", "--profile"]);
        Assert.True(ran.Code is ExitCode.Ok, ran.Error);
        Assert.Matches($@"(?m)^{engine} +\d+\.\d{{3}} ms a run \(90 %: ", ran.Out);
        Assert.Contains(shown, ran.Out, StringComparison.Ordinal);
        Assert.Contains("Conv", ran.Out.Split("step")[1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Evaluate_measures_the_engines_outputs()
    {
        JsonElement own = Parsed(await CommandLine.Run(["evaluate", sample.Model, .. sample.DataOptions, "--engine", "halftone", "--json"]));
        JsonElement ort = Parsed(await CommandLine.Run(["evaluate", sample.Model, .. sample.DataOptions, "--json"]));
        Assert.Equal(("halftone", "ort"), (own.GetProperty("engine").GetString(), ort.GetProperty("engine").GetString()));
        Assert.Equal(120, own.GetProperty("samples").GetInt32());
        Assert.InRange(own.GetProperty("value").GetDouble() - ort.GetProperty("value").GetDouble(), -1, 1); // one of 120 images at most
    }

    [Fact]
    public void Quantize_tries_the_engine_too()
    {
        JsonElement engine = Parsed(sample.Ran).GetProperty("engine");
        Assert.Equal("", engine.GetProperty("obstacle").GetString());
        Assert.True(engine.GetProperty("latency").GetProperty("ratio").GetDouble() > 0);
        JsonElement output = Assert.Single(engine.GetProperty("outputs").EnumerateArray());
        Assert.InRange(output.GetProperty("relative").GetDouble(), 0, 0.02);
        Assert.InRange(output.GetProperty("argmaxAgreement").GetDouble(), 0.97, 1);
        Assert.Equal(40, engine.GetProperty("samples").GetInt32());
    }

    [Fact]
    public async Task Doctor_names_the_kernels_of_the_engine()
    {
        JsonElement seen = Parsed(await CommandLine.Run("doctor", "--json"));
        JsonElement[] tiers = [.. seen.GetProperty("tiers").EnumerateArray()];
        Assert.Equal("reference", tiers[^1].GetProperty("name").GetString());
        Assert.Equal(Engine.EngineTiers.Chosen(new Engine.EngineOptions()).Name, seen.GetProperty("tier").GetString());
        Assert.All(tiers, t => Assert.Equal(t.GetProperty("isSupported").GetBoolean(), t.GetProperty("obstacle").ValueKind is JsonValueKind.Null));
        Assert.Contains(seen.GetProperty("needs").EnumerateArray(), n => n.GetProperty("name").GetString() == "engine");
    }

    private static JsonElement Parsed(Ran ran)
    {
        Assert.True(ran.Out.Length > 0, ran.Error);
        return JsonElement.Parse(ran.Out);
    }
}
