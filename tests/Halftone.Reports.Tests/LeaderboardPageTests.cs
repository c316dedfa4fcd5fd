using Halftone.PostTraining.Leaderboards;

namespace Halftone.Reports.Tests;

/// <summary>The leaderboard's page in a real browser.</summary>
public sealed class LeaderboardPageTests
{
    private const string Evil = "</script><img src=x onerror=\"window.taken=1\"><b>&amp;";

    [Fact]
    public async Task Points_front_and_rows_are_those_of_the_result()
    {
        await using Page page = await Page.Of(Made());
        Assert.Equal(4, await page.Count("#plot circle.dot"));
        Assert.Equal(3, await page.Count("#plot circle.dot:not(.float)")); // c is larger than b and no better
        Assert.Equal(1, await page.Count("#plot path.front"));
        Assert.Equal(4, await page.Count("#table tbody tr"));
        Assert.Equal(3, await page.Count("#table tr.picked"));
        Assert.Equal(2, await page.Count("#others tbody tr"));
        Assert.Contains("1 still to come", await page.Text("dl >> nth=0"), StringComparison.Ordinal);
        Assert.Contains("−0.50 ± 0.20", await page.Text("#table"), StringComparison.Ordinal);
        Assert.Contains("99.5", await page.Text("#table"), StringComparison.Ordinal);

        await page.Select("#size-kind", "deployedBytes"); // where c is smaller than b
        Assert.Equal(4, await page.Count("#plot circle.dot:not(.float)"));
        await page.Select("#range-kind", "all");
        await page.Hover("#plot circle >> nth=0");
        Assert.Contains(":", await page.Text("#front .readout"), StringComparison.Ordinal);
        await page.Click("#table th button >> text=coded");
        Assert.Equal(1, await page.Count("#table th[aria-sort=descending]"));
        page.AssertQuiet();
    }

    [Theory]
    [InlineData(360, false)]
    [InlineData(1100, true)]
    public async Task Nothing_is_wider_than_the_window_and_names_are_text(int width, bool dark)
    {
        LeaderboardResult made = Made();
        await using Page page = await Page.Of(made with { Model = Evil, Rows = [.. made.Rows.Select(r => r with { Name = r.Name + Evil, Reason = Evil })] }, width, dark);
        Assert.True(await page.Run<bool>("document.scrollingElement.scrollWidth <= innerWidth"));
        Assert.Equal(0, await page.Count("img, b"));
        Assert.False(await page.Run<bool>("'taken' in window"));
        page.AssertQuiet();
    }

    [Fact]
    public async Task Without_labels_and_with_nothing_measured_it_is_drawn_too()
    {
        LeaderboardResult made = Made();
        await using Page outputs = await Page.Of(made with { Metric = "", Unit = "", Float = null, Rows = [.. made.Rows.Select(r => r with { Metric = null, Difference = null, StandardError = null })] });
        Assert.Equal(4, await outputs.Count("#plot circle.dot"));
        Assert.Contains("output SQNR", await outputs.Text("#front h2"), StringComparison.Ordinal);
        outputs.AssertQuiet();
        await using Page engine = await Page.Of(made with { Rows = [.. made.Rows.Select((r, i) => r with { EngineAgreement = null, EngineDifference = i == 0 ? 2.5e-6 : null, EngineObstacle = i == 1 ? "no such operator" : "" })] });
        Assert.Contains("within 2.5e-6", await engine.Text("#table"), StringComparison.Ordinal);
        Assert.Contains("does not run", await engine.Text("#table"), StringComparison.Ordinal);
        Assert.DoesNotContain("NaN", await engine.Text("#table"), StringComparison.Ordinal);
        engine.AssertQuiet();
        await using Page nothing = await Page.Of(made with { Rows = [.. made.Rows.Where(r => r.Status is not LeaderboardStatus.Measured)] });
        Assert.Equal(2, await nothing.Count("#others tbody tr"));
        nothing.AssertQuiet();
        await using Page errors = await Page.Of(made with { Metric = "perplexity", Unit = "", HigherIsBetter = false, Float = 3.2 });
        Assert.Equal(4, await errors.Count("#plot circle.dot"));
        Assert.Equal(0, await errors.Run<int>("[...document.querySelectorAll('svg *')].filter(e => [...e.attributes].some(a => /NaN|Infinity|undefined/.test(a.value))).length"));
        errors.AssertQuiet();
    }

    private static LeaderboardResult Made()
    {
        LeaderboardRow Row(string name, double metric, double sqnr, long deployed, long coded) => new()
        {
            Name = name,
            Recipe = name,
            Status = LeaderboardStatus.Measured,
            WeightBits = 4,
            ActivationBits = 8,
            Metric = metric,
            Difference = metric - 92,
            StandardError = 0.2,
            Sqnr = sqnr,
            DeployedBytes = deployed,
            CodedBytes = coded,
            FusedMacs = 0.9,
            EngineAgreement = 0.995,
            EngineDifference = 1e-3,
            Seconds = 3.2,
        };
        return new LeaderboardResult
        {
            Model = "net.onnx",
            DeployedBytes = 400_000,
            CodedBytes = 350_000,
            Calibrated = "images",
            Measured = "other images",
            Samples = 2000,
            Metric = "top-1",
            Unit = "%",
            Float = 92,
            FloatLow = 91,
            FloatHigh = 93,
            Candidates = 7,
            Rows =
            [
                Row("a", 91.9, 40, 110_000, 90_000),
                Row("b", 91.5, 30, 100_000, 60_000),
                Row("c", 91.4, 29, 60_000, 70_000),
                Row("d", 10, 2, 30_000, 20_000),
                new() { Name = "e", Recipe = "e", Status = LeaderboardStatus.Skipped, Reason = "activations stay float" },
                new() { Name = "f", Recipe = "f", Status = LeaderboardStatus.Failed, Reason = "it broke" },
            ],
        };
    }
}
