using System.Text.Json;
using Halftone.Onnx;

namespace Halftone.Cli.Tests;

public sealed class CliApplicationTests
{
    public static TheoryData<string> Commands { get; } = [.. CommandList.All.Where(c => !c.Hidden).Select(c => c.Name)];

    [Theory]
    [MemberData(nameof(Commands))]
    public async Task Help_is_as_reviewed_and_shows_an_example(string command)
    {
        Ran ran = await CommandLine.Run(command, "--help");
        Assert.Equal(ExitCode.Ok, ran.Code);
        Assert.Contains($"\nExamples:\n  halftone {command}", ran.Out, StringComparison.Ordinal);
        Golden.Check(ran.Out, $"help-{command}.txt");
    }

    [Fact]
    public async Task Help_of_the_tool_lists_every_command()
    {
        Ran ran = await CommandLine.Run("--help");
        Assert.Equal(ExitCode.Ok, ran.Code);
        Assert.All(Commands, c => Assert.Contains($"\n  {c.Data} ", ran.Out, StringComparison.Ordinal));
        Golden.Check(ran.Out, "help.txt");
    }

    [Fact]
    public async Task Version_is_one_line()
    {
        Ran ran = await CommandLine.Run("--version");
        Assert.Equal(ExitCode.Ok, ran.Code);
        Assert.Matches(@"^\d+\.\d+\.\d+\s*$", ran.Out);
    }

    [Theory]
    [InlineData("inspct m.onnx", "Did you mean 'inspect'?")]
    [InlineData("inspect m.onnx --jsno", "Did you mean '--json'?")]
    [InlineData("inspect --tarjet ort-x64 m.onnx", "Did you mean '--target'?")]
    [InlineData("inspect", "model")]
    [InlineData("inspect a.onnx b.onnx", "'b.onnx'")]
    [InlineData("inspect a.onnx --verbosity loud", "q(uiet)")]
    [InlineData("", "halftone --help")]
    public async Task Usage_errors_say_what_to_do(string line, string hint)
    {
        Ran ran = await CommandLine.Run(line.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        Assert.Equal(ExitCode.Usage, ran.Code);
        Assert.Empty(ran.Out);
        Assert.StartsWith("error: ", ran.Error, StringComparison.Ordinal);
        Assert.Contains(hint, ran.Error, StringComparison.Ordinal);
        Assert.Single(ran.Error.TrimEnd().Split('\n'));
    }

    [Fact]
    public async Task A_missing_file_is_an_input_error()
    {
        Ran ran = await CommandLine.Run("inspect", "/nowhere/model.onnx");
        Assert.Equal(ExitCode.InputOutput, ran.Code);
        Assert.Empty(ran.Out);
        Assert.Contains("/nowhere/model.onnx", ran.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_corrupt_model_is_invalid_input_and_the_stack_stays_hidden_unless_asked_for()
    {
        using TemporaryFolder folder = new();
        string path = folder.File("broken.onnx");
        File.WriteAllBytes(path, [0xFF, 0xFF, 0x07, 0x01]);
        Ran ran = await CommandLine.Run("inspect", path);
        Assert.Equal(ExitCode.InvalidInput, ran.Code);
        Assert.Contains("broken.onnx", ran.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", ran.Error, StringComparison.Ordinal);
        Ran detailed = await CommandLine.Run("inspect", path, "-v", "d");
        Assert.Contains("   at ", detailed.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_unknown_target_is_invalid_input()
    {
        using TemporaryFolder folder = new();
        Ran ran = await CommandLine.Run("inspect", TestModels.File(folder), "--target", "no-such-chip");
        Assert.Equal(ExitCode.InvalidInput, ran.Code);
        Assert.Contains("no-such-chip", ran.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Cancelled_ends_with_130_and_writes_nothing()
    {
        using TemporaryFolder folder = new();
        using CancellationTokenSource cancel = new();
        cancel.Cancel();
        Ran ran = await CommandLine.Run(["inspect", TestModels.File(folder), "--json"], cancel.Token);
        Assert.Equal(ExitCode.Cancelled, ran.Code);
        Assert.Empty(ran.Out);
    }

    [Theory]
    [InlineData("methods")]
    [InlineData("recipes")]
    [InlineData("doctor")]
    [InlineData("inspect")]
    public async Task With_json_stdout_is_one_document(string command)
    {
        using TemporaryFolder folder = new();
        string[] args = command == "inspect" ? [command, TestModels.File(folder), "--json"] : [command, "--json"];
        Ran ran = await CommandLine.Run(args);
        Assert.Equal(ExitCode.Ok, ran.Code);
        using JsonDocument document = JsonDocument.Parse(ran.Out);
        Assert.Contains(document.RootElement.ValueKind, (JsonValueKind[])[JsonValueKind.Object, JsonValueKind.Array]);
    }

    [Fact]
    public async Task Redirected_output_holds_no_escape_sequences()
    {
        using TemporaryFolder folder = new();
        Ran ran = await CommandLine.Run("inspect", TestModels.File(folder));
        Assert.Equal(ExitCode.Ok, ran.Code);
        Assert.DoesNotContain('\u001b', ran.Out);
    }

    public static TheoryData<string, ExitCode> Meanings { get; } = new()
    {
        { nameof(ModelException), ExitCode.InvalidInput },
        { nameof(Data.DataException), ExitCode.InvalidInput },
        { nameof(ArgumentOutOfRangeException), ExitCode.InvalidInput },
        { nameof(JsonException), ExitCode.InvalidInput },
        { nameof(FileNotFoundException), ExitCode.InputOutput },
        { nameof(UnauthorizedAccessException), ExitCode.InputOutput },
        { nameof(TaskCanceledException), ExitCode.Cancelled },
        { nameof(ArgumentNullException), ExitCode.Internal },
        { nameof(InvalidOperationException), ExitCode.Internal },
    };

    [Theory]
    [MemberData(nameof(Meanings))]
    public void Each_exception_has_its_code_and_one_line(string kind, ExitCode code)
    {
        Exception[] all =
        [
            new ModelException("m\nn"), new Data.DataException("d"), new ArgumentOutOfRangeException(nameof(kind), "Bits go to 16."), new JsonException("j"),
            new FileNotFoundException("f"), new UnauthorizedAccessException("u"), new TaskCanceledException(), new ArgumentNullException(null, "x is null"), new InvalidOperationException("i"),
        ];
        Failure failure = Failure.Of(all.Single(e => e.GetType().Name == kind));
        Assert.Equal(code, failure.Code);
        Assert.DoesNotContain('\n', failure.Message);
        Assert.DoesNotContain("Parameter '", failure.Message, StringComparison.Ordinal);
    }
}
