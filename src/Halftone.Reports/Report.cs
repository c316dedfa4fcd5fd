using Halftone.Data.Metrics;
using Halftone.Onnx;
using Halftone.PostTraining;

namespace Halftone.Reports;

/// <summary>An outcome as one HTML file that needs nothing else.</summary>
public static class Report
{
    /// <summary>The page.</summary>
    public static string Html(Outcome outcome) =>
        HtmlPage.Of("sections.js", "outcome.json", new { outcome, units = MetricList.All.All.ToDictionary(m => m.Info.Id, m => m.Default.Unit) });

    /// <summary>Writes the page, whole or not at all.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    public static void Write(Outcome outcome, string path) => WholeFile.WriteText(path, Html(outcome));
}
