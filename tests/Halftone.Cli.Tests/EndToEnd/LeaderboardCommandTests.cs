using System.Text.Json;

namespace Halftone.Cli.Tests.EndToEnd;

/// <summary>The leaderboard as a user runs it, and one that is killed.</summary>
public sealed class LeaderboardCommandTests
{
    [Fact]
    public async Task Recipes_and_bits_become_rows_and_four_files()
    {
        using TemporaryFolder folder = new();
        string to = folder.File("board");
        File.WriteAllText(folder.File("none.json"), """{ "schema": 1, "name": "none", "mode": "dynamic", "operators": ["Gather"] }""");
        Ran ran = await CommandLine.Run(
        [
            "leaderboard", Bundled.Mobilenet, "--data", Bundled.Images(folder, 16, 120), "--preprocess", Bundled.Preprocessing, "--threads", "1", "--measure-samples", "60",
            "--methods", $"intelcaffe-int8, tensorflow-float16,weight-only-int8,{folder.File("none.json")}", "--bits", "8,4/4", "-o", to, "--json",
        ]);
        Assert.True(ran.Code is ExitCode.Ok, ran.Error);
        JsonElement result = JsonElement.Parse(ran.Out);
        JsonElement[] rows = [.. result.GetProperty("rows").EnumerateArray()];
        Assert.Equal(60, result.GetProperty("samples").GetInt32());
        Assert.Equal(
            ["intelcaffe-int8@4/4", "intelcaffe-int8@8", "none@4/4", "none@8", "tensorflow-float16", "weight-only-int8@4/4", "weight-only-int8@8"],
            rows.Select(r => r.GetProperty("name").GetString()!).Order(StringComparer.Ordinal));
        Assert.Equal(4, rows.Count(r => r.GetProperty("status").GetString() == "measured"));
        Assert.All(rows.Where(r => r.GetProperty("status").GetString() != "measured"), r => Assert.NotEmpty(r.GetProperty("reason").GetString()!));
        Assert.Equal(
            ["leaderboard.csv", "leaderboard.html", "leaderboard.json", "leaderboard.md", "rows.jsonl"], Directory.GetFiles(to).Select(f => Path.GetFileName(f)!).Order(StringComparer.Ordinal));
        Assert.Equal(rows.Length + 1, File.ReadAllLines(Path.Combine(to, "leaderboard.csv")).Length);
        Assert.True(JsonElement.DeepEquals(result, JsonElement.Parse(File.ReadAllText(Path.Combine(to, "leaderboard.json")))));

        // a row can be made again by its recipe
        Ran again = await CommandLine.Run(
            "quantize", Bundled.Mobilenet, "--data", folder.File("fashion-mnist"), "--preprocess", Bundled.Preprocessing, "--threads", "1", "--recipe", Path.Combine(to, "recipes", "intelcaffe-int8@4-4.json"), "-o", folder.File("q"), "--json");
        Assert.Equal(
            rows.Single(r => r.GetProperty("name").GetString() == "intelcaffe-int8@4/4").GetProperty("sha256").GetString(), JsonElement.Parse(again.Out).GetProperty("quantized").GetProperty("sha256").GetString());
    }

    [Fact]
    public async Task A_killed_run_leaves_whole_files_and_the_next_repeats_nothing_that_was_finished()
    {
        using TemporaryFolder folder = new();
        string to = folder.File("board");
        string[] args =
        [
            "leaderboard", Bundled.Resnet, "--data", Bundled.Images(folder, 64, 400), "--preprocess", Bundled.Preprocessing, "--threads", "1", "--methods", "intelcaffe-int8,ort-int8,tensorflow-int8", "-o", to,
        ];
        using (ToolProcess tool = ToolProcess.Start(args))
        {
            tool.WaitFor("[1 of 3]");
        } // SIGKILL

        string[] finished = [.. File.ReadAllText(Path.Combine(to, "rows.jsonl")).Split('\n').SkipLast(1)];
        Assert.InRange(finished.Length, 1, 2);
        Assert.True(JsonElement.Parse(File.ReadAllText(Path.Combine(to, "leaderboard.json"))).GetProperty("rows").GetArrayLength() >= 1);
        Assert.EndsWith("</html>\n", File.ReadAllText(Path.Combine(to, "leaderboard.html")), StringComparison.Ordinal);

        Ran second = await CommandLine.Run([.. args, "--json"]);
        Assert.True(second.Code is ExitCode.Ok, second.Error);
        Assert.Equal(finished.Length, second.Error.Split('\n').Count(l => l.Contains("from an earlier run", StringComparison.Ordinal)));
        string[] lines = [.. File.ReadAllText(Path.Combine(to, "rows.jsonl")).Split('\n').SkipLast(1)];
        Assert.Equal(3, lines.Length);
        Assert.Equal(finished, lines[..finished.Length]);
        Assert.Equal(3, lines.Select(l => JsonElement.Parse(l).GetProperty("row").GetProperty("name").GetString()).Distinct().Count());
        Assert.Equal(3, JsonElement.Parse(second.Out).GetProperty("rows").GetArrayLength());
    }

    [Theory]
    [InlineData("--bits 4/4/4", ExitCode.Usage, "4/4/4")]
    [InlineData("--methods no-such-recipe", ExitCode.InvalidInput, "no-such-recipe")]
    [InlineData("", ExitCode.Usage, "--data")]
    public async Task What_cannot_be_run_is_said_first(string given, ExitCode code, string says)
    {
        using TemporaryFolder folder = new();
        string[] data = given.Length > 0 ? ["--data", Paths.InRepository("samples/fashion-mnist")] : [];
        Ran ran = await CommandLine.Run(["leaderboard", Bundled.Mobilenet, .. data, .. given.Split(' ', StringSplitOptions.RemoveEmptyEntries), "-o", folder.File("x")]);
        Assert.Equal(code, ran.Code);
        Assert.Contains(says, ran.Error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(folder.File("x")));
    }
}
