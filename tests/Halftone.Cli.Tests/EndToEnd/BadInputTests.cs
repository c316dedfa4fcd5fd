using Halftone.Onnx;

namespace Halftone.Cli.Tests.EndToEnd;

/// <summary>What is wrong is said in one sentence that names it, with the right code; nothing is written.</summary>
public sealed class BadInputTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly string _data;

    public BadInputTests() => _data = Bundled.Images(_folder, 20, 40);

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("truncated")]
    [InlineData("empty")]
    [InlineData("text")]
    [InlineData("zeros")]
    [InlineData("picture")]
    public async Task What_is_no_whole_model_is_refused_by_every_command(string kind)
    {
        string model = _folder.File($"{kind}.onnx");
        byte[] whole = File.ReadAllBytes(Bundled.Mobilenet);
        File.WriteAllBytes(model, kind switch
        {
            "truncated" => whole[..(whole.Length / 2)],
            "empty" => [],
            "text" => "This is a text, not a model."u8.ToArray(),
            "zeros" => new byte[4096],
            _ => File.ReadAllBytes(Paths.InRepository("samples/fashion-mnist/test-labels-idx1-ubyte.gz")),
        });
        foreach (string command in (string[])["inspect", "quantize", "tune", "evaluate", "sensitivity", "check --target ort-x64", "convert --to fp16"])
        {
            string[] words = command.Split(' ');
            string[] data = words.Length == 1 && command != "inspect" ? DataOptions : [];
            await Refused(ExitCode.InvalidInput, [Path.GetFileName(model)], [words[0], model, .. words[1..], .. data, .. command is "quantize" or "tune" ? Out : []]);
        }
    }

    [Fact]
    public async Task A_folder_is_no_model() => await Refused(ExitCode.InputOutput, [_data], "inspect", _data);

    [Fact]
    public async Task A_model_without_its_external_data_names_the_file_that_is_missing()
    {
        string model = _folder.File("large.onnx");
        Model.Load(Bundled.Mobilenet).Save(model, externalData: true);
        string data = Assert.Single(Directory.GetFiles(_folder.Path, "large*"), f => f != model);
        File.Delete(data);
        await Refused(null, [Path.GetFileName(data)], ["quantize", model, .. DataOptions, .. Out]);
    }

    [Fact]
    public async Task NaN_weights_are_named()
    {
        string path = _folder.File("nan.onnx");
        Model model = Model.Load(Bundled.Mobilenet);
        (string name, Tensor weight) = model.Graph.Initializers.Where(i => i.Value.Dims.Length == 4).Select(i => (i.Key, i.Value)).First();
        float[] values = weight.ToFloats();
        values[3] = float.NaN;
        model.Graph.SetConstant(name, Tensor.Of(values, [.. weight.Dims]));
        model.Save(path);
        await Refused(ExitCode.InvalidInput, ["NaN"], ["quantize", path, .. DataOptions, .. Out]);
        await Refused(ExitCode.InvalidInput, ["NaN"], ["quantize", path, "--recipe", "tensorflow-dynamic-range", .. Out]);
    }

    [Fact]
    public async Task A_quantized_model_given_again_is_refused_by_name()
    {
        Ran ran = await CommandLine.Run("quantize", Bundled.Mobilenet, "--recipe", "tensorflow-dynamic-range", "-o", _folder.File("first"));
        Assert.True(ran.Code is ExitCode.Ok, ran.Error);
        string quantized = Assert.Single(Directory.GetFiles(_folder.File("first"), "*.onnx"));
        await Refused(ExitCode.InvalidInput, ["quantized already", "halftone convert --to float"], ["quantize", quantized, .. DataOptions, .. Out]);
    }

    [Fact]
    public async Task Recipe_typos_are_answered_with_the_nearest()
    {
        foreach ((string from, string to, string hint) in ((string, string, string)[])
        [
            ("\"range\"", "\"rnage\"", "'range'"),
            ("\"name\"", "\"nmae\"", "'name'"),
            ("\"auto\"", "\"kl-entropie\"", "'kl-entropy'"),
            ("\"ort-x64\"", "\"ort-x46\"", "'ort-x64'"),
        ])
        {
            string recipe = _folder.File("typo.json");
            string text = (await CommandLine.Run("recipes", "ort-int8")).Out;
            if (!text.Contains(from, StringComparison.Ordinal))
            {
                text = """{ "schema": 1, "name": "mine", "target": "ort-x64", "activations": { "range": "auto" } }""";
            }

            File.WriteAllText(recipe, text.Replace(from, to, StringComparison.Ordinal));
            await Refused(ExitCode.InvalidInput, [hint], ["quantize", Bundled.Mobilenet, .. DataOptions, .. Out, "--recipe", recipe]);
        }
    }

    [Theory]
    [InlineData("--recipe ort-int9", ExitCode.InvalidInput, "'ort-int8'")]
    [InlineData("--recipe missing.json", ExitCode.InputOutput, "missing.json")]
    [InlineData("--target ort-x46", ExitCode.InvalidInput, "'ort-x64'")]
    [InlineData("--range persentile", ExitCode.InvalidInput, "'percentile'")]
    [InlineData("--range percentile:percnt=99", ExitCode.InvalidInput, "'percent'")]
    [InlineData("--range percentile:99", ExitCode.InvalidInput, "name=value")]
    [InlineData("--metric top1", ExitCode.InvalidInput, "'top-1'")]
    [InlineData("--metric psnr:boarder=4", ExitCode.InvalidInput, "'border'")]
    [InlineData("--smaples 4", ExitCode.Usage, "'--samples'")]
    [InlineData("--samples 0", ExitCode.Usage, "--samples")]
    [InlineData("--samples -3", ExitCode.Usage, "--samples")]
    [InlineData("--samples many", ExitCode.Usage, "many")]
    [InlineData("--threads 0", ExitCode.Usage, "--threads")]
    [InlineData("--threads 1000000", ExitCode.Usage, "256")]
    [InlineData("--memory 0", ExitCode.Usage, "'0'")]
    [InlineData("--memory -1GB", ExitCode.Usage, "-1GB")]
    [InlineData("--memory 12", ExitCode.Usage, "1MB")]
    [InlineData("--memory 99999999999TB", ExitCode.Usage, "TB")]
    [InlineData("--memory lots", ExitCode.Usage, "lots")]
    [InlineData("--weight-bits 0", ExitCode.Usage, "1 to 16")]
    [InlineData("--weight-bits 17", ExitCode.Usage, "1 to 16")]
    [InlineData("--activation-bits -8", ExitCode.Usage, "1 to 16")]
    [InlineData("--max-drop -1", ExitCode.Usage, "--max-drop")]
    [InlineData("--max-drop NaN", ExitCode.Usage, "--max-drop")]
    [InlineData("--seed x", ExitCode.Usage, "--seed")]
    [InlineData("--input-range 3", ExitCode.Usage, "-1,1")]
    [InlineData("--input-range 2,-1", ExitCode.Usage, "the smaller first")]
    [InlineData("--input-range -inf,1", ExitCode.Usage, "-inf,1")]
    [InlineData("--keep-float (", ExitCode.InvalidInput, "keepFloat")]
    [InlineData("--state a", ExitCode.Usage, "output=input")]
    [InlineData("--preprocess imagnet", ExitCode.InvalidInput, "'imagenet'")]
    [InlineData("--preprocess missing.json", ExitCode.InvalidInput, "missing.json")]
    [InlineData("--labels missing.txt", ExitCode.InvalidInput, "missing.txt")]
    public async Task Wrong_options_are_named(string options, ExitCode code, string hint) =>
        await Refused(code, [hint], ["quantize", Bundled.Mobilenet, "--data", _data, .. options.StartsWith("--preprocess", StringComparison.Ordinal) ? [] : DataOptions[2..], .. Out, .. options.Split(' ')]);

    [Theory]
    [InlineData("tune", "--data")]
    [InlineData("evaluate", "--data")]
    [InlineData("sensitivity", "--data")]
    [InlineData("check", "--target")]
    [InlineData("convert", "--to")]
    public async Task What_a_command_cannot_do_without_is_asked_for(string command, string option) =>
        await Refused(ExitCode.Usage, [option], command, Bundled.Mobilenet);

    [Fact]
    public async Task Quantize_without_data_says_what_needs_it() =>
        await Refused(ExitCode.InvalidInput, ["--data"], ["quantize", Bundled.Mobilenet, .. Out]);

    [Fact]
    public async Task A_goal_that_nothing_can_be_held_against_is_refused()
    {
        File.Delete(Path.Combine(_data, "test-labels-idx1-ubyte"));
        await Refused(ExitCode.InvalidInput, ["--labels"], ["quantize", Bundled.Mobilenet, .. DataOptions, "--max-drop", "1", .. Out]);
        await Refused(ExitCode.InvalidInput, ["--data"], ["quantize", Bundled.Mobilenet, "--recipe", "tensorflow-dynamic-range", "--max-drop", "1", .. Out]);
    }

    [Fact]
    public async Task Data_of_the_wrong_kind_is_named()
    {
        string text = _folder.File("notes.md");
        File.WriteAllText(text, "# Notes");
        string empty = Directory.CreateDirectory(_folder.File("empty")).FullName;
        foreach ((string data, string hint) in ((string, string)[])
        [
            (text, "notes.md"), (empty, "holds nothing"), (_folder.File("nowhere"), "nowhere"), (Bundled.Mobilenet, "fashion_mobilenet.onnx"),
            (Path.Combine(_data, "test-labels-idx1-ubyte"), "axes"),
        ])
        {
            await Refused(ExitCode.InvalidInput, [hint], ["quantize", Bundled.Mobilenet, "--data", data, .. Out]);
        }
    }

    [Fact]
    public async Task Labels_that_do_not_match_are_named()
    {
        string images = Directory.CreateDirectory(_folder.File("pictures")).FullName;
        (byte[] pixels, _) = Bundled.Test(3);
        for (int i = 0; i < 3; i++)
        {
            Bundled.Write(Path.Combine(images, $"{i}.png"), pixels.AsSpan(i * 784, 784));
        }

        string labels = _folder.File("labels.txt");
        File.WriteAllText(labels, "a.png 1\nb.png 2\n");
        await Refused(ExitCode.InvalidInput, ["'a.png'", "do not match"], "evaluate", Bundled.Mobilenet, "--data", images, "--labels", labels);
        File.WriteAllText(labels, "0.png 1\n1.png 99\n2.png 3\n");
        await Refused(ExitCode.InvalidInput, ["99", "do not match"], "evaluate", Bundled.Mobilenet, "--data", images, "--labels", labels);

        File.Delete(Path.Combine(_data, "test-labels-idx1-ubyte"));
        File.Copy(Path.Combine(_data, "calib-labels-idx1-ubyte"), Path.Combine(_data, "test-labels-idx1-ubyte"));
        await Refused(ExitCode.InvalidInput, ["20 labels", "40 images"], ["evaluate", Bundled.Mobilenet, .. DataOptions]);
    }

    [Fact]
    public async Task Corrupt_pictures_are_named_skipped_and_counted_up_to_a_limit()
    {
        const int Count = 60;
        (byte[] pixels, byte[] labels) = Bundled.Test(Count);
        for (int i = 0; i < Count; i++)
        {
            Bundled.Write(_folder.File($"set/{labels[i]}/{i}.png"), pixels.AsSpan(i * 784, 784));
        }

        string[] some = [.. Directory.GetFiles(_folder.File("set"), "*.png", SearchOption.AllDirectories).Order(StringComparer.Ordinal)];
        File.WriteAllBytes(some[7], File.ReadAllBytes(some[7])[..100]);
        File.WriteAllText(some[30], "no picture");
        string[] evaluate = ["evaluate", Bundled.Mobilenet, "--data", _folder.File("set"), "--preprocess", Bundled.Preprocessing];
        Ran ran = await CommandLine.Run([.. evaluate, "--json"]);
        Assert.True(ran.Code is ExitCode.Ok, ran.Error);
        Assert.Contains("2 samples could not be read", ran.Error, StringComparison.Ordinal);
        Assert.Contains(Path.GetFileName(some[30]), ran.Error, StringComparison.Ordinal);
        System.Text.Json.JsonElement result = System.Text.Json.JsonElement.Parse(ran.Out);
        Assert.Equal((Count - 2, 2), (result.GetProperty("samples").GetInt32(), result.GetProperty("skipped").GetArrayLength()));

        foreach (string file in some.Skip(40).Take(10))
        {
            File.WriteAllText(file, "no picture");
        }

        await Refused(ExitCode.InvalidInput, ["samples cannot be read", "5"], evaluate);
    }

    [Fact]
    public async Task An_output_that_cannot_be_written_is_said_before_any_work()
    {
        string file = _folder.File("file");
        File.WriteAllText(file, "");
        await Refused(ExitCode.InputOutput, [file], ["quantize", Bundled.Mobilenet, .. DataOptions, "-o", file]);
        await Refused(ExitCode.InputOutput, [file], ["quantize", Bundled.Mobilenet, .. DataOptions, "-o", Path.Combine(file, "deeper")]);
        await Refused(ExitCode.Usage, ["folder"], ["quantize", Bundled.Mobilenet, .. DataOptions, "-o", _folder.File("m.int8.onnx")]);
        await Refused(ExitCode.InputOutput, [_data], "convert", Bundled.Mobilenet, "--to", "fp16", "-o", _data);
        if (OperatingSystem.IsLinux())
        {
            await Refused(ExitCode.InputOutput, ["/dev/full"], "convert", Bundled.Mobilenet, "--to", "fp16", "-o", "/dev/full");
            await Refused(ExitCode.InputOutput, ["/proc/nowhere"], ["quantize", Bundled.Mobilenet, .. DataOptions, "-o", "/proc/nowhere"]);
        }
    }

    [Fact]
    public async Task The_input_is_never_written_over()
    {
        string model = _folder.File("model.onnx");
        File.Copy(Bundled.Mobilenet, model);
        await Refused(ExitCode.Usage, ["is the input"], "convert", model, "--to", "fp16", "-o", Path.Combine(_folder.Path, ".", "model.onnx"));
        await Refused(ExitCode.Usage, ["is the input"], "check", model, "--target", "ort-x64", "--fix", "-o", model);
        await Refused(ExitCode.Usage, ["--output"], "check", model, "--target", "ort-x64", "--fix");
        Assert.Equal(File.ReadAllBytes(Bundled.Mobilenet), File.ReadAllBytes(model));
    }

    [Theory]
    [InlineData("convert --to qoperater", "'qoperator'")]
    [InlineData("convert --to fp16 --opset 0", "--opset")]
    [InlineData("check --target tensort", "'tensorrt'")]
    [InlineData("tune --budget 0s", "0s")]
    [InlineData("tune --step -1", "--step")]
    [InlineData("sensitivity --top 0", "--top")]
    public async Task Wrong_options_of_other_commands_are_named(string line, string hint)
    {
        string[] words = line.Split(' ');
        await Refused(null, [hint], [words[0], Bundled.Mobilenet, .. words[1..], .. words[0] is "tune" or "sensitivity" ? DataOptions : []]);
    }

    private string[] DataOptions => ["--data", _data, "--preprocess", Bundled.Preprocessing];

    private string[] Out => ["-o", _folder.File("out")];

    private async Task Refused(ExitCode? code, string[] hints, params string[] line)
    {
        Ran ran = await CommandLine.Run(line);
        string shown = $"halftone {string.Join(' ', line)}\nended with {ran.Code}:\n{ran.Out}{ran.Error}";
        Assert.True(code is null ? ran.Code is ExitCode.Usage or ExitCode.InvalidInput or ExitCode.InputOutput : ran.Code == code, shown);
        string error = Assert.Single(ran.Error.TrimEnd().Split('\n'), l => l.StartsWith("error: ", StringComparison.Ordinal));
        Assert.All(hints, h => Assert.True(error.Contains(h, StringComparison.Ordinal), $"no '{h}' in: {shown}"));
        Assert.True(error.Length < 700 && !ran.Error.Contains("   at ", StringComparison.Ordinal), shown);
        Assert.Empty(ran.Out);
        Assert.False(Directory.Exists(_folder.File("out")), shown);
        Assert.Empty(Directory.GetFiles(_folder.Path, "*.part", SearchOption.AllDirectories));
    }
}
