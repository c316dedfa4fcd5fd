using System.Collections.Immutable;
using Halftone.PostTraining;
using Halftone.PostTraining.Recipes;

namespace Halftone.Reports.Tests;

/// <summary>The report, opened in a real browser: its charts draw, its controls work, nothing is fetched and nothing logs an error.</summary>
public sealed class ReportTests
{
    [Fact]
    public async Task Charts_draw_controls_work_and_nothing_logs_an_error()
    {
        using var folder = new TemporaryFolder();
        string path = folder.File("report.html");
        Report.Write(Sample(), path);
        await using Page page = await Page.Open(path);

        Assert.Equal(3, await page.Count("svg.chart")); // latency by operator, error by layer, histogram of the value chosen
        Assert.True(await page.Count("svg.chart rect.bar") > 20);
        Assert.Contains("Goal missed", await page.Text("#verdict"), StringComparison.Ordinal);
        string before = await page.Inner("#histogram");
        await page.Select("#edge", "1");
        Assert.NotEqual(before, await page.Inner("#histogram"));
        Assert.Empty(page.Errors);
        Assert.Empty(page.Requests);
    }

    [Fact]
    public async Task A_name_cannot_end_the_script()
    {
        using var folder = new TemporaryFolder();
        string path = folder.File("report.html");
        Report.Write(Sample() with { Reason = "</script><img src=x onerror=alert(1)>" }, path);
        await using Page page = await Page.Open(path);

        Assert.Equal(0, await page.Count("img"));
        Assert.Contains("</script><img", await page.Text("#verdict"), StringComparison.Ordinal);
        Assert.Empty(page.Errors);
    }

    [Fact]
    public async Task An_outcome_without_data_draws_too()
    {
        using var folder = new TemporaryFolder();
        string path = folder.File("report.html");
        Outcome bare = Sample() with { Latency = null, OperatorTimes = [], Layers = [], Edges = [], Accuracy = [], Agreement = null, Canary = null, Fusion = [], Calibration = null, Sizes = [] };
        Report.Write(bare, path);
        await using Page page = await Page.Open(path);

        Assert.Empty(page.Errors);
        Assert.Equal(0, await page.Count("svg.chart"));
    }

    private static Outcome Sample() => new()
    {
        Status = OutcomeStatus.GoalMissed,
        Reason = "top-1 lost 1.2 points, more than the 0.5 allowed",
        Warnings = ["slower than float"],
        NextActions = ["halftone tune"],
        Float = new ModelFacts("net.onnx", 1_200_000, 17, 60, 300_000, 40_000_000, "00"),
        Quantized = new ModelFacts("net.int8.onnx", 320_000, 17, 180, 300_000, 40_000_000, "01"),
        Recipe = new Recipe { Name = "ort-int8" },
        Target = "ort-x64",
        RangeMethod = "mse",
        RangeTrials = [new("mse", 31.2, 0.98), new("min-max", double.PositiveInfinity, 0.97)],
        Sizes = [new("Conv weights", 1_100_000, 280_000, null, "int8")],
        Accuracy = [new("top-1", 92.5, 91, 94, 91.3, 90, 92.5, -1.2, 0.3, 2500, true)],
        Agreement = new(31.2, 0.999, 0.98, 64),
        Canary = new(30.1, 0.999, 0.97, 64),
        Latency = new(1.2, 0.6, 2, 1.9, 2.1, 40, 2),
        OperatorTimes = [new("Conv", 1.1, 0), new("QLinearConv", 0, 0.5)],
        Fusion = [new("conv1", "Conv", 1000, true, "QLinearConv", ""), new("swish", "HardSwish", 0, false, "", "no integer kernel")],
        FusedNodes = 0.5,
        FusedMacs = 1,
        Layers = [.. Enumerable.Range(0, 12).Select(i => new LayerEntry($"conv{i}", "Conv", $"value{i}", 40 - i))],
        Edges =
        [
            new("a", 0.01, -1, [.. Enumerable.Range(0, 200).Select(i => (long)(1000 * Math.Exp(-Math.Pow((i - 100) / 30.0, 2))))], 0.008f, 128, -1, 1, 0.001, [new("min-max", -1, 1)]),
            new("b", 0.02, 0, [.. Enumerable.Range(0, 50).Select(i => (long)(500 - (10 * i)))], 0.004f, 0, 0, 0.9, 0.01, [new("percentile", 0, 0.8)]),
        ],
        KeptFloat = ImmutableSortedDictionary<string, string>.Empty.Add("swish", "no integer HardSwish"),
        Calibration = new("folder", 512, 32, 1, 1234, 100_000, []),
    };
}
