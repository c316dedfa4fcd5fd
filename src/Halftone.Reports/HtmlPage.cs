using System.Text.Json;
using Halftone.PostTraining;

namespace Halftone.Reports;

/// <summary>A page that needs nothing else: data, style and scripts are inside, and nothing is fetched.</summary>
internal static class HtmlPage
{
    // as the JSON files beside the pages, without the spaces; the writer escapes angle brackets, so that no name in a model can end the script
    private static readonly JsonSerializerOptions s_json = new(Outcome.Json) { WriteIndented = false };

    /// <summary>A page drawn by a script of its own, behind those that all share.</summary>
    /// <param name="script">The script's name.</param>
    /// <param name="numbers">Name of the file that holds the numbers, for readers without scripts.</param>
    /// <param name="data">What the script draws.</param>
    public static string Of(string script, string numbers, object data) =>
        // the data last: what it holds is not looked into again
        Resource("page.html")
            .Replace("/*STYLE*/", Resource("page.css"), StringComparison.Ordinal)
            .Replace("/*NUMBERS*/", numbers, StringComparison.Ordinal)
            .Replace("/*SCRIPT*/", string.Join("\n", Resource("elements.js"), Resource("charts.js"), Resource(script)), StringComparison.Ordinal)
            .Replace("/*DATA*/", JsonSerializer.Serialize(data, s_json), StringComparison.Ordinal);

    private static string Resource(string name)
    {
        using var reader = new StreamReader(typeof(HtmlPage).Assembly.GetManifestResourceStream(name)!);
        return reader.ReadToEnd();
    }
}
