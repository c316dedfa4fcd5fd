using System.Text;
using Halftone.PostTraining;

namespace Halftone.Reports.Tests;

/// <summary>What a reader does with the page: choose, sort, filter, point, use keys, print, and read it in the dark.</summary>
public sealed class PageTests
{
    [Fact]
    public async Task Another_value_is_chosen_by_list_and_by_button()
    {
        await using Page page = await Page.Of(Outcomes.Made());
        Assert.Equal(200, await page.Count("#histogram rect.bar"));

        await page.Select("#edge", "1");
        Assert.Equal(50, await page.Count("#histogram rect.bar"));
        Assert.Equal(16, await page.Count("#histogram line.level")); // 0.9 in steps of 0.06: 16 codes, few enough to mark
        Assert.Contains("0.06", await page.Text("#clip"), StringComparison.Ordinal);

        await page.Click(".controls button >> text=next");
        Assert.Equal(200, await page.Count("#histogram rect.bar"));
        await page.Click(".controls button >> text=previous");
        Assert.Equal(50, await page.Count("#histogram rect.bar"));
        page.AssertQuiet();
    }

    [Fact]
    public async Task Counts_are_drawn_in_proportion_or_by_their_logarithms()
    {
        await using Page page = await Page.Of(Outcomes.Made());
        await page.Select("#edge", "1"); // counts 500, 490, ... 10
        const string Heights = "[0, 25, 49].map(i => +document.querySelectorAll('#histogram rect.bar')[i].getAttribute('height'))";

        double[] logarithmic = await page.Run<double[]>(Heights);
        Assert.Equal(Math.Log10(11) / Math.Log10(501), logarithmic[2] / logarithmic[0], 3);
        await page.Click("input[value=linear]");
        double[] linear = await page.Run<double[]>(Heights);
        Assert.Equal(250 / 500.0, linear[1] / linear[0], 3);
        Assert.Equal(10 / 500.0, linear[2] / linear[0], 3);
        page.AssertQuiet();
    }

    [Fact]
    public async Task A_bin_tells_its_count_to_pointer_and_keys()
    {
        await using Page page = await Page.Of(Outcomes.Made());
        await page.Select("#edge", "1");
        await page.Hover("#histogram rect.bar >> nth=10");
        Assert.Contains("0.2 … 0.22: 400 values", await page.Text("#ranges .readout"), StringComparison.Ordinal);

        await page.Press("#histogram svg", "ArrowRight");
        Assert.Contains("0.22 … 0.24: 390 values", await page.Text("#ranges .readout"), StringComparison.Ordinal);
        await page.Hover("#layers rect.bar >> nth=3");
        Assert.Contains("Conv value3: 17.0 dB", await page.Text("#layers .readout"), StringComparison.Ordinal);
        page.AssertQuiet();
    }

    [Fact]
    public async Task Tables_sort_by_number_and_by_name()
    {
        await using Page page = await Page.Of(Outcomes.Made() with
        {
            OperatorTimes = [new("Conv10", 2, 1), new("Conv9", 10, 2), new("Add", 1, 30)],
        });
        const string Names = "#latency tbody td.name";

        await page.Click("#latency th button >> text=operator");
        Assert.Equal(["Add", "Conv9", "Conv10"], await page.Texts(Names));
        await page.Click("#latency th button >> text=float");
        Assert.Equal(["Conv9", "Conv10", "Add"], await page.Texts(Names));
        Assert.Equal(1, await page.Count("#latency th[aria-sort=descending]"));
        await page.Click("#latency th button >> text=float");
        Assert.Equal(["Add", "Conv10", "Conv9"], await page.Texts(Names));

        await page.Click("#layers th button >> text=SQNR"); // what is unknown comes last
        Assert.Equal("same", (await page.Texts("#layers tbody td.name"))[0]);
        Assert.Equal("nan", (await page.Texts("#layers tbody td.name"))[^1]);
        page.AssertQuiet();
    }

    [Fact]
    public async Task The_size_ledger_adds_up()
    {
        Outcome outcome = Outcomes.Made();
        await using Page page = await Page.Of(outcome);

        Assert.Contains("coded", await page.Text("#size thead"), StringComparison.Ordinal);
        string total = await page.Text("#size tfoot");
        Assert.Contains("1.1 MB", total, StringComparison.Ordinal);
        Assert.Contains("312.5 KB", total, StringComparison.Ordinal);
        Assert.Contains("224.6 KB", total, StringComparison.Ordinal);
        Assert.Contains("15.7 KB", await page.Text("#size tbody tr:last-child"), StringComparison.Ordinal); // 230,000 less 210,000 and 3,900
        await using Page without = await Page.Of(outcome with { CodedBytes = null, Sizes = [.. outcome.Sizes.Select(s => s with { Coded = null })] });
        Assert.DoesNotContain("coded", await without.Text("#size thead"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Text_is_readable_and_every_control_has_a_name(bool dark)
    {
        await using Page page = await Page.Of(Outcomes.Made(), dark: dark);
        await page.Run<object>("document.querySelectorAll('details').forEach(d => { d.open = true; })");

        string[] faint = await page.Run<string[]>(Contrast);
        Assert.Empty(faint);
        string[] nameless = await page.Run<string[]>("""
            [...document.querySelectorAll('button, select, input, [role=region], svg[role=img]')]
              .filter(e => !(e.getAttribute('aria-label') || e.textContent.trim() || e.closest('label')?.textContent.trim())).map(e => e.outerHTML.slice(0, 80))
            """);
        Assert.Empty(nameless);
        Assert.Equal(dark, await page.Run<bool>("getComputedStyle(document.body).backgroundColor !== 'rgb(255, 255, 255)'"));
        page.AssertQuiet();
    }

    [Theory]
    [InlineData(360)]
    [InlineData(768)]
    public async Task Nothing_is_wider_than_the_window(int width)
    {
        await using Page page = await Page.Of(Outcomes.Made(), width);

        Assert.True(await page.Run<bool>("document.scrollingElement.scrollWidth <= innerWidth"));
        Assert.True(await page.Run<bool>("[...document.querySelectorAll('svg text')].every(t => parseFloat(getComputedStyle(t).fontSize) * t.getScreenCTM().a >= 10)"), "a chart's text shrinks");
    }

    [Fact]
    public async Task It_prints_open_and_without_controls()
    {
        await using Page page = await Page.Of(Outcomes.Large(40), dark: true);
        byte[] pdf = await page.Pdf();
        Assert.StartsWith("%PDF", Encoding.ASCII.GetString(pdf, 0, 8), StringComparison.Ordinal);

        await page.Print();
        Assert.Equal("none", await page.Run<string>("getComputedStyle(document.querySelector('nav')).display"));
        Assert.Equal("none", await page.Run<string>("getComputedStyle(document.querySelector('.controls')).display"));
        Assert.Equal("none", await page.Run<string>("getComputedStyle(document.querySelector('.table.long')).maxHeight"));
        Assert.Equal("rgb(0, 0, 0)", await page.Run<string>("getComputedStyle(document.body).color"));
        await page.Run<object>("dispatchEvent(new Event('beforeprint'))");
        Assert.Equal(0, await page.Count("details:not([open])"));
        await page.Run<object>("dispatchEvent(new Event('afterprint'))");
        Assert.NotEqual(0, await page.Count("details:not([open])"));
        page.AssertQuiet();
    }

    [Fact]
    public async Task The_page_holds_everything_and_may_fetch_nothing()
    {
        string html = Report.Html(Outcomes.Made());
        Assert.DoesNotContain("/*", html.Split("<style>")[0], StringComparison.Ordinal);
        Assert.DoesNotContain("/*DATA*/", html, StringComparison.Ordinal);
        await using Page page = await Page.Of(Outcomes.Made());
        Assert.Equal(0, await page.Count("script[src], link[rel=stylesheet], iframe, object, embed"));
        // the policy in the page stops what a script would ask for
        Assert.Equal("stopped", await page.Run<string>("fetch('https://example.com/').then(() => 'went', () => 'stopped')"));
    }

    // text whose contrast with what lies behind it is under 4.5 (WCAG 2.1, success criterion 1.4.3: relative luminance of sRGB)
    private const string Contrast = """
        (() => {
          const parse = c => { const m = c.match(/[\d.]+/g).map(Number); return { rgb: m.slice(0, 3), a: m[3] ?? 1 }; };
          const luminance = rgb => { const [r, g, b] = rgb.map(v => { v /= 255; return v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; }); return .2126 * r + .7152 * g + .0722 * b; };
          const over = (top, below) => top.rgb.map((v, i) => top.a * v + (1 - top.a) * below[i]);
          const behind = e => { const c = parse(getComputedStyle(e).backgroundColor); return c.a === 1 ? c.rgb : over(c, e.parentElement ? behind(e.parentElement) : [255, 255, 255]); };
          const found = [];
          for (const e of document.querySelectorAll('main *')) {
            if (![...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()) || e.closest('option, title')) continue;
            const style = getComputedStyle(e), ground = behind(e), ink = over(parse(e.closest('svg') ? style.fill : style.color), ground);
            const [a, b] = [luminance(ink), luminance(ground)].sort((x, y) => y - x), ratio = (a + .05) / (b + .05);
            if (ratio < 4.5) found.push(e.textContent.slice(0, 40) + ' ' + ratio.toFixed(2));
          }
          return found;
        })()
        """;
}
