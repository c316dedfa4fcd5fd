using System.Text.Json;
using Halftone.Onnx;

namespace Halftone.Cli.Tests.EndToEnd;

/// <summary>What only a process of its own can show: exit codes, signals, and which stream holds what.</summary>
public sealed class ProcessTests
{
    private static readonly TimeSpan s_atOnce = TimeSpan.FromSeconds(30); // it takes less than two seconds, but for a loaded machine; what is interrupted would go on for longer, and ends with another code

    [Fact]
    public void Results_go_to_stdout_and_remarks_to_stderr()
    {
        using TemporaryFolder folder = new();
        string data = Bundled.Images(folder, 20, 40);
        string[] quantize = ["quantize", Bundled.Resnet, "--data", data, "--preprocess", Bundled.Preprocessing, "--range", "mse", "--threads", "1"];
        Ran json = ToolProcess.Run([.. quantize, "-o", folder.File("a"), "--json"]);
        Assert.Equal(ExitCode.Ok, json.Code);
        using JsonDocument outcome = JsonDocument.Parse(json.Out);
        Assert.Equal("good", outcome.RootElement.GetProperty("status").GetString());
        Assert.Contains("calibrating", json.Error, StringComparison.Ordinal);
        Assert.DoesNotContain('\u001b', json.Error);

        Ran quiet = ToolProcess.Run([.. quantize, "-o", folder.File("b"), "-v", "q"]);
        Assert.Equal((ExitCode.Ok, "", ""), (quiet.Code, quiet.Out, quiet.Error));
        Assert.Equal(File.ReadAllBytes(folder.File("a/fashion_resnet.int8.onnx")), File.ReadAllBytes(folder.File("b/fashion_resnet.int8.onnx")));
    }

    [Fact]
    public void Exit_codes_say_what_happened()
    {
        using TemporaryFolder folder = new();
        string data = Bundled.Images(folder, 20, 60);
        string[] quantize = ["quantize", Bundled.Mobilenet, "--data", data, "--preprocess", Bundled.Preprocessing, "--threads", "1", "-o", folder.File("out")];
        string broken = folder.File("broken.onnx");
        File.WriteAllText(broken, "no model");

        Assert.Equal(0, (int)ToolProcess.Run("recipes").Code);
        Assert.Equal(1, (int)ToolProcess.Run("quantize", "--no-such-option").Code);
        Ran missed = ToolProcess.Run([.. quantize, "--range", "min-max", "--weight-bits", "4", "--activation-bits", "8", "--max-drop", "0"]);
        Assert.True((int)missed.Code == 2, $"{missed.Out}{missed.Error}");
        Assert.True(File.Exists(folder.File("out/fashion_mobilenet.int4.onnx")) || Directory.GetFiles(folder.File("out"), "*.onnx").Length == 1);
        Assert.Equal(3, (int)ToolProcess.Run("inspect", broken).Code);
        Ran failed = ToolProcess.Run([.. quantize, "--weight-bits", "2", "--activation-bits", "2"]);
        Assert.True((int)failed.Code == 4, $"{failed.Out}{failed.Error}");
        Assert.Contains(Directory.GetFiles(folder.File("out")), f => f.EndsWith(".failed.onnx", StringComparison.Ordinal));
        Assert.Equal(5, (int)ToolProcess.Run("inspect", folder.File("nothing.onnx")).Code);
    }

    [Theory]
    [InlineData("calibrating")]
    [InlineData("trying ranges by kl-entropy")]
    [InlineData("measuring accuracy")]
    [InlineData("timing float and quantized")]
    public void Ctrl_C_ends_quantize_at_once_and_leaves_nothing(string phase)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "signals are POSIX");
        using TemporaryFolder folder = new();
        using ToolProcess tool = ToolProcess.Start(
            "quantize", Bundled.Resnet, "--data", Paths.InRepository("samples/fashion-mnist"), "--preprocess", Bundled.Preprocessing, "-o", folder.File("out"), "--json");
        tool.WaitFor(phase);
        (Ran ran, TimeSpan took) = tool.Interrupt();
        Assert.Equal(130, (int)ran.Code);
        Assert.InRange(took, TimeSpan.Zero, s_atOnce);
        Assert.EndsWith("error: Cancelled.\n", ran.Error, StringComparison.Ordinal);
        Assert.Empty(ran.Out);
        Assert.Empty(Directory.GetFileSystemEntries(folder.Path));
    }

    [Fact]
    public async Task Ctrl_C_leaves_the_best_so_far_of_tune_and_a_second_run_goes_on()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "signals are POSIX");
        using TemporaryFolder folder = new();
        string to = folder.File("out");
        string[] tune =
        [
            "tune", Bundled.Mobilenet, "--data", Bundled.Images(folder, 20, 400), "--preprocess", Bundled.Preprocessing,
            "--weight-bits", "4", "--max-drop", "0", "--threads", "1", "-o", to,
        ];
        string first;
        using (ToolProcess tool = ToolProcess.Start(tune))
        {
            tool.WaitFor("(best so far)");
            (Ran ran, TimeSpan took) = tool.Interrupt();
            Assert.Equal(130, (int)ran.Code);
            Assert.InRange(took, TimeSpan.Zero, s_atOnce);
            first = ran.Error.Split('\n').First(l => l.Contains("(best so far)", StringComparison.Ordinal)).Split(':')[0];
        }

        Assert.DoesNotContain(Directory.GetFiles(to), f => f.EndsWith(".part", StringComparison.Ordinal) || f.EndsWith("report.html", StringComparison.Ordinal));
        Assert.NotEmpty(Model.Load(Path.Combine(to, "best.onnx")).Graph.Nodes);
        int trials = File.ReadAllLines(Path.Combine(to, "trials.jsonl")).Length - 1; // the first line says what they are trials of

        Ran second = await CommandLine.Run([.. tune, "--budget", "1s", "--json"]);
        Assert.True(second.Code is ExitCode.GoalMissed or ExitCode.Ok, second.Error);
        using JsonDocument result = JsonDocument.Parse(second.Out);
        string[] keys = [.. result.RootElement.GetProperty("trials").EnumerateArray().Select(t => t.GetProperty("key").GetString()!)];
        Assert.Equal(first, keys[0]);
        Assert.Equal(keys.Length, keys.Distinct().Count());
        Assert.True(keys.Length >= trials);
        Assert.DoesNotContain(first + ":", second.Error, StringComparison.Ordinal); // not tried again
        Assert.True(File.Exists(Path.Combine(to, "report.html")));

        Ran other = await CommandLine.Run([.. tune, "--recipe", "tensorrt-int8"]);
        Assert.Equal(ExitCode.InvalidInput, other.Code);
        Assert.Contains("holds trials of", other.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Ctrl_C_ends_the_demo_at_once()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "signals are POSIX");
        using TemporaryFolder folder = new();
        using ToolProcess tool = ToolProcess.Start("demo", "-o", folder.File("out"));
        tool.WaitFor("fashion_resnet, tensorflow-dynamic-range");
        (Ran ran, TimeSpan took) = tool.Interrupt();
        Assert.Equal(130, (int)ran.Code);
        Assert.InRange(took, TimeSpan.Zero, s_atOnce);
        Assert.Empty(ran.Out);
        string[] files = Directory.GetFiles(folder.Path, "*", SearchOption.AllDirectories);
        Assert.DoesNotContain(files, f => f.EndsWith(".part", StringComparison.Ordinal));
        Assert.All(files.Where(f => f.EndsWith(".onnx", StringComparison.Ordinal)), f => Model.Load(f));
    }

    [Theory]
    [InlineData("convert")]
    [InlineData("quantize")]
    public void A_full_disk_is_an_input_output_error_and_leaves_nothing(string command)
    {
        using TemporaryFolder folder = new();
        string to = Directory.CreateDirectory(folder.File("out")).FullName;
        string[] args = command == "convert"
            ? ["convert", Bundled.Resnet, "--to", "fp16", "-o", Path.Combine(to, "half.onnx")]
            : ["quantize", Bundled.Resnet, "--recipe", "tensorflow-float16", "-o", to];
        Ran ran = ToolProcess.RunOnDiskOf("64k", to, args);
        Assert.True(ran.Code is ExitCode.InputOutput, $"{ran.Code}: {ran.Error}");
        string error = Assert.Single(ran.Error.TrimEnd().Split('\n'), l => l.StartsWith("error: ", StringComparison.Ordinal));
        Assert.Contains(to, error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", ran.Error, StringComparison.Ordinal);
        Assert.EndsWith("left:\n", ran.Error, StringComparison.Ordinal);
    }
}
