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

    public static async Task<Page> Open(string path)
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
        IPage page = await browser.NewPageAsync(new BrowserNewPageOptions { ViewportSize = new ViewportSize { Width = 1100, Height = 1400 } });
        var opened = new Page(playwright, browser, page);
        page.Console += (_, message) =>
        {
            if (message.Type == "error")
            {
                opened.Errors.Add(message.Text);
            }
        };
        page.PageError += (_, error) => opened.Errors.Add(error);
        page.Request += (_, request) =>
        {
            if (!request.Url.StartsWith("file://", StringComparison.Ordinal))
            {
                opened.Requests.Add(request.Url);
            }
        };
        await page.GotoAsync(new Uri(path).AbsoluteUri);
        await page.WaitForSelectorAsync("body[data-ready=true]");
        if (Environment.GetEnvironmentVariable("HALFTONE_SCREENSHOT") is { } to)
        {
            await page.ScreenshotAsync(new PageScreenshotOptions { Path = to, FullPage = true });
        }

        return opened;
    }

    public Task<int> Count(string selector) => _page.Locator(selector).CountAsync();

    public async Task<string> Text(string selector) => await _page.Locator(selector).InnerTextAsync();

    public Task<string> Inner(string selector) => _page.Locator(selector).InnerHTMLAsync();

    public Task Select(string selector, string value) => _page.SelectOptionAsync(selector, value);

    public async ValueTask DisposeAsync()
    {
        await _browser.DisposeAsync();
        _playwright.Dispose();
    }
}
