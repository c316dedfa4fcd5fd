using System.Collections.Immutable;
using System.Diagnostics;
using Halftone.PostTraining;
using Halftone.PostTraining.Recipes;

namespace Halftone.Reports.Tests;

/// <summary>The report, opened in a real browser: what it draws is what the outcome holds, its controls work, nothing is fetched and nothing logs an error.</summary>
public sealed class ReportTests
{
    [Theory]
    [InlineData("fashion_resnet", "ort-int8", 4)]
    [InlineData("fashion_mobilenet", "tensorflow-int8", 4)]
    [InlineData("fashion_resnet", "tensorflow-dynamic-range", 4)]
    [InlineData("fashion_resnet", "tensorflow-float16", 2)]
    [InlineData("fashion_mobilenet", "weight-only-int8", 1)] // no Conv among its operators
    public async Task A_real_outcome_is_drawn_whole(string network, string recipe, int smaller)
    {
        Outcome outcome = Outcomes.Real(network, RecipeFile.Find(recipe));
        await using Page page = await Page.Of(outcome);

        await AssertDrawn(outcome, page);
        Assert.Equal(3, await page.Count("#accuracy circle.dot")); // float, quantized, difference
        Assert.Contains("top-1", await page.Text(".cards"), StringComparison.Ordinal);
        Assert.True(outcome.Sizes.Sum(s => s.Before) <= outcome.Float.Bytes);
        Assert.True(outcome.Sizes.Sum(s => s.After) <= outcome.Quantized.Bytes);
        Assert.All(outcome.Sizes, s => Assert.InRange(s.Coded!.Value, s.After > 0 ? 1 : 0, (1.1 * s.After) + 16));
        Assert.InRange(outcome.Sizes.Sum(s => s.Coded!.Value), 1, outcome.CodedBytes!.Value);
        SizeEntry weights = outcome.Sizes.Single(s => s.What == "Conv weights");
        Assert.Equal(smaller, (double)weights.Before / weights.After, 1);
        Assert.InRange(weights.Coded!.Value, 0.5 * weights.After, 0.97 * weights.After); // of bell-shaped weights the outer codes are rare, and so are the outer exponents
    }

    [Fact]
    public async Task A_real_outcome_without_labels_is_drawn_too()
    {
        Outcome outcome = Outcomes.Real("fashion_mobilenet", RecipeFile.Find("pytorch-static-fbgemm"), labels: false);
        await using Page page = await Page.Of(outcome);

        await AssertDrawn(outcome, page);
        Assert.Equal(0, await page.Count("#accuracy"));
        Assert.Contains("not measured", await page.Text(".cards"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_real_outcome_without_data_is_drawn_too()
    {
        Outcome outcome = Outcomes.Real("fashion_mobilenet", RecipeFile.Find("weight-only-int8"), data: false, labels: false);
        await using Page page = await Page.Of(outcome);

        await AssertDrawn(outcome, page);
        Assert.Equal(0, await page.Count(".chart"));
        Assert.Contains("not compared", await page.Text(".cards"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_failure_says_why_first_and_shows_where()
    {
        Recipe tooFew = RecipeFile.Find("ort-int8");
        Outcome outcome = Outcomes.Real("fashion_mobilenet", tooFew with { Weights = tooFew.Weights with { Bits = 2 }, Activations = tooFew.Activations with { Bits = 2 } });
        Assert.Equal(OutcomeStatus.Failed, outcome.Status);
        await using Page page = await Page.Of(outcome);

        string verdict = await page.Text("#verdict");
        Assert.StartsWith("✕ Failed", verdict, StringComparison.Ordinal);
        Assert.Contains(outcome.Reason[1..], verdict, StringComparison.Ordinal);
        Assert.Equal(outcome.NextActions.Length, await page.Count("#next li"));
        Assert.NotEmpty(outcome.NextActions);
        Assert.NotEmpty(outcome.Layers);
        await AssertDrawn(outcome, page);
    }

    [Fact]
    public async Task A_missed_goal_says_why_first()
    {
        Outcome outcome = Outcomes.Real("fashion_mobilenet", RecipeFile.Find("ort-int8"), maxDrop: -100);
        Assert.Equal(OutcomeStatus.GoalMissed, outcome.Status);
        await using Page page = await Page.Of(outcome);

        Assert.StartsWith("! Goal missed", await page.Text("#verdict"), StringComparison.Ordinal);
        Assert.Contains(outcome.Reason[1..], await page.Text("#verdict"), StringComparison.Ordinal);
        await AssertDrawn(outcome, page);
    }

    [Fact]
    public async Task Numbers_that_are_not_finite_are_drawn_too()
    {
        Outcome outcome = Outcomes.Made() with
        {
            Agreement = new(double.PositiveInfinity, 1, 1, 4),
            Accuracy = [new("perplexity", 3.6, double.NaN, double.NaN, 3.7, double.NaN, double.NaN, 0.1, double.NaN, 3, false)],
            Edges = [new("zeros", 1, 0, [0], 1, 0, 0, 0, double.NaN, [new("min-max", double.NaN, double.NaN)])],
        };
        await using Page page = await Page.Of(outcome);

        await AssertDrawn(outcome, page);
        Assert.Equal(0, await page.Run<int>("[...document.querySelectorAll('svg *')].filter(e => [...e.attributes].some(a => /NaN|Infinity|undefined/.test(a.value))).length"));
        Assert.DoesNotContain("NaN", await page.Text("main"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_name_from_the_model_is_text_everywhere()
    {
        const string Evil = "</script><img src=x onerror=\"window.taken=1\"><b>&amp;\u2028\"'`${1}";
        Outcome made = Outcomes.Made();
        Outcome outcome = made with
        {
            Reason = Evil,
            Warnings = [Evil],
            NextActions = [Evil],
            RangeMethod = Evil,
            Target = Evil,
            Float = made.Float with { File = Evil, Sha256 = Evil },
            Quantized = made.Quantized with { File = Evil },
            Recipe = made.Recipe with { Name = Evil, Title = Evil, KeepFloat = [new KeepFloat { Name = Evil, Reason = Evil }] },
            RangeTrials = [new(Evil, 1, 1), new("min-max", 1, 1)],
            Sizes = [new(Evil, 1, 1, null, Evil)],
            Accuracy = [made.Accuracy[0] with { Metric = Evil }],
            OperatorTimes = [new(Evil, 1, 1)],
            Fusion = [new(Evil, Evil, 1, true, Evil, Evil), new(Evil, Evil, 1, false, Evil, Evil)],
            Engine = made.Engine! with { Tier = Evil, Outputs = [new(Evil, 1, 1, 1, 1)] },
            Layers = [new(Evil, Evil, Evil, 3)],
            Edges = [made.Edges[0] with { Value = Evil, Alternatives = [new(Evil, 0, 1)] }],
            KeptFloat = ImmutableSortedDictionary<string, string>.Empty.Add(Evil, Evil),
            Calibration = made.Calibration! with { Data = Evil, Skipped = [Evil] },
            Passes = [Evil],
            Environment = ImmutableSortedDictionary<string, string>.Empty.Add(Evil, Evil),
        };
        await using Page page = await Page.Of(outcome);

        Assert.Equal(0, await page.Count("img, b"));
        Assert.False(await page.Run<bool>("'taken' in window"));
        Assert.Contains("</script><img", await page.Text("#verdict"), StringComparison.Ordinal);
        Assert.True(await page.Run<int>("document.body.textContent.split('</script><img src=x').length") > 20);
        page.AssertQuiet();
    }

    [Fact]
    public async Task The_engine_has_its_own_section_and_says_why_where_it_does_not_run()
    {
        await using (Page page = await Page.Of(Outcomes.Made()))
        {
            string text = await page.Text("#engine");
            Assert.Contains("0.600 ms in ONNX Runtime and 0.300 ms in Halftone’s engine with its avx2 kernels", text, StringComparison.Ordinal);
            Assert.Contains("logits", text, StringComparison.Ordinal);
            Assert.Contains("2.00× faster", await page.Text(".cards"), StringComparison.Ordinal);
            page.AssertQuiet();
        }

        Outcome refused = Outcomes.Made() with { Engine = new("The engine does not know the operator Det of node 'd'.", "", null, [], 0) };
        await using (Page page = await Page.Of(refused))
        {
            Assert.Contains("Det of node 'd'", await page.Text("#engine"), StringComparison.Ordinal);
            await AssertDrawn(refused, page);
        }
    }

    [Fact]
    public async Task A_large_model_stays_quick_and_long_names_stay_inside()
    {
        Outcome outcome = Outcomes.Large(1000);
        await using Page page = await Page.Of(outcome, width: 390);

        await AssertDrawn(outcome, page);
        Assert.True(await page.Run<bool>("document.scrollingElement.scrollWidth <= innerWidth"), "something is wider than a phone");
        long start = Stopwatch.GetTimestamp();
        await page.Select("#edge", "999");
        await page.Type("#layers input[type=search]", "layers.77");
        Assert.InRange(Stopwatch.GetElapsedTime(start).TotalSeconds, 0, 60); // a second or less, but for a loaded machine
        Assert.Equal(11, await page.Count("#layers tbody tr")); // 77, 770 to 779
        Assert.Equal(256, await page.Count("#histogram rect.bar"));
    }

    // the numbers of shapes and rows are those of the data
    private static async Task AssertDrawn(Outcome outcome, Page page)
    {
        Assert.Equal(outcome.Layers.Length, await page.Count("#layers svg rect.bar"));
        Assert.Equal(outcome.Layers.Length, await page.Count("#layers tbody tr"));
        Assert.Equal(outcome.Edges.Length, await page.Count("#edge option"));
        Assert.Equal(outcome.Edges.IsEmpty ? 0 : outcome.Edges[0].Counts.Length, await page.Count("#histogram rect.bar"));
        Assert.Equal(outcome.Edges.IsEmpty ? 0 : outcome.Edges[0].Alternatives.Count(a => double.IsFinite(a.Low)), await page.Count("#histogram path.alternative"));
        Assert.Equal(outcome.Edges.IsEmpty ? 0 : 1, await page.Count("#histogram path.clip"));
        Assert.Equal(outcome.Sizes.Length + 1, await page.Count("#size tbody tr")); // and the rest of the file
        Assert.Equal(outcome.OperatorTimes.Length, await page.Count("#latency tbody tr"));
        Assert.Equal(outcome.Engine?.Outputs.Length ?? 0, await page.Count("#engine tbody tr"));
        Assert.Equal(outcome.Fusion.Length + outcome.KeptFloat.Count, await page.Count("#kernels details tbody tr"));
        Assert.Equal(outcome.Accuracy.Length, await page.Count("#accuracy tbody tr"));
        Assert.True(await page.Run<bool>("[...document.querySelectorAll('.chart svg')].every(s => s.getBoundingClientRect().height > 20 && s.getBoundingClientRect().width > 200)"));
        Assert.Equal(await page.Count(".chart"), await page.Count(".chart > svg"));
        page.AssertQuiet();
    }
}
