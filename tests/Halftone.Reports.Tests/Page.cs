using Microsoft.Playwright;

namespace Halftone.Reports.Tests;

/// <summary>A page in Debian's headless Chromium; tests that open one are skipped where it is not installed.</summary>
internal sealed class Page : IAsyncDisposable
{
    private readonly IPlaywright _playwright;
    private readonly IBrowser _browser;
    private readonly IPage _page;

    private Page(IPlaywright playwright, IBrowser browser, IPage page) => (_playwright, _browser, _page) = (playwright, browser, page);

    public List<string> Errors { get; } = [];

    public List<string> Requests { get; } = [];

    /// <summary>Writes an outcome's report and opens it.</summary>
    public static async Task<Page> Of(PostTraining.Outcome outcome, int width = 1100, bool dark = false)
    {
        using var folder = new TemporaryFolder();
        string path = folder.File("report.html");
        Report.Write(outcome, path);
        return await Open(path, width, dark);
    }

    /// <summary>Writes a leaderboard's page and opens it.</summary>
    public static async Task<Page> Of(PostTraining.Leaderboards.LeaderboardResult result, int width = 1100, bool dark = false)
    {
        using var folder = new TemporaryFolder();
        string path = folder.File("leaderboard.html");
        LeaderboardPage.Write(result, path);
        return await Open(path, width, dark);
    }

    private static async Task<Page> Open(string path, int width, bool dark)
    {
        string? chromium = ((string[])["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"]).FirstOrDefault(File.Exists);
        Assert.SkipWhen(chromium is null, "needs Chromium: apt-get install chromium");
        IPlaywright playwright = await Playwright.CreateAsync();
        IBrowser browser = await playwright.Chromium.LaunchAsync(new BrowserTypeLaunchOptions
        {
            ExecutablePath = chromium,
            Headless = true,
            Args = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
        });
        IPage page = await browser.NewPageAsync(new BrowserNewPageOptions { ViewportSize = new ViewportSize { Width = width, Height = 1000 }, ColorScheme = dark ? ColorScheme.Dark : ColorScheme.Light });
        var opened = new Page(playwright, browser, page);
        page.Console += (_, message) =>
        {
            if (message.Type is "error" or "warning")
            {
                opened.Errors.Add(message.Text);
            }
        };
        page.PageError += (_, error) => opened.Errors.Add(error);
        page.Request += (_, request) =>
        {
            if (!request.Url.StartsWith("file://", StringComparison.Ordinal) && !request.Url.StartsWith("data:", StringComparison.Ordinal))
            {
                opened.Requests.Add(request.Url);
            }
        };
        await page.GotoAsync(new Uri(path).AbsoluteUri);
        await page.WaitForSelectorAsync("body[data-ready=true]", new PageWaitForSelectorOptions { Timeout = 10_000 });
        if (Environment.GetEnvironmentVariable("HALFTONE_SCREENSHOTS") is { } to)
        {
            string name = string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{TestContext.Current.TestMethod?.MethodName}-{width}{(dark ? "-dark" : "")}-{Guid.NewGuid():N}.png");
            await page.ScreenshotAsync(new PageScreenshotOptions { Path = Path.Combine(to, name), FullPage = true });
        }

        return opened;
    }

    public Task<int> Count(string selector) => _page.Locator(selector).CountAsync();

    public async Task<string> Text(string selector) => await _page.Locator(selector).InnerTextAsync();

    public async Task<IReadOnlyList<string>> Texts(string selector) => await _page.Locator(selector).AllTextContentsAsync();

    public Task<string> Inner(string selector) => _page.Locator(selector).InnerHTMLAsync();

    public Task Select(string selector, string value) => _page.SelectOptionAsync(selector, value);

    public Task Click(string selector) => _page.ClickAsync(selector);

    public Task Type(string selector, string text) => _page.FillAsync(selector, text);

    public Task Hover(string selector) => _page.HoverAsync(selector, new PageHoverOptions { Force = true });

    public Task Press(string selector, string key) => _page.PressAsync(selector, key);

    public Task Print() => _page.EmulateMediaAsync(new PageEmulateMediaOptions { Media = Media.Print });

    public Task<byte[]> Pdf() => _page.PdfAsync();

    public Task<T> Run<T>(string script) => _page.EvaluateAsync<T>(script);

    /// <summary>Fails where anything was logged or asked for.</summary>
    public void AssertQuiet()
    {
        Assert.Empty(Errors);
        Assert.Empty(Requests);
    }

    public async ValueTask DisposeAsync()
    {
        await _browser.DisposeAsync();
        _playwright.Dispose();
    }
}
