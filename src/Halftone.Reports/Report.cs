using System.Text.Json;
using Halftone.Data.Metrics;
using Halftone.Onnx;
using Halftone.PostTraining;

namespace Halftone.Reports;

/// <summary>An outcome as one HTML file that needs nothing else: data, style and script are inside, and nothing is fetched.</summary>
public static class Report
{
    private static readonly string[] s_scripts = ["elements.js", "charts.js", "sections.js"];

    // as the outcome's own file, without the spaces
    private static readonly JsonSerializerOptions s_json = new(Outcome.Json) { WriteIndented = false };

    /// <summary>The page. The JSON's writer escapes angle brackets, so that no name in a model can end the script.</summary>
    public static string Html(Outcome outcome)
    {
        Dictionary<string, string> units = MetricList.All.All.ToDictionary(m => m.Info.Id, m => m.Default.Unit);
        // the data last: what it holds is not looked into again
        return Resource("page.html")
            .Replace("/*STYLE*/", Resource("page.css"), StringComparison.Ordinal)
            .Replace("/*SCRIPT*/", string.Join("\n", s_scripts.Select(Resource)), StringComparison.Ordinal)
            .Replace("/*OUTCOME*/", JsonSerializer.Serialize(new { outcome, units }, s_json), StringComparison.Ordinal);
    }

    /// <summary>Writes the page, whole or not at all.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    public static void Write(Outcome outcome, string path) => WholeFile.WriteText(path, Html(outcome));

    private static string Resource(string name)
    {
        using var reader = new StreamReader(typeof(Report).Assembly.GetManifestResourceStream(name)!);
        return reader.ReadToEnd();
    }
}
