using System.Text.Json;
using Halftone.PostTraining;

namespace Halftone.Reports;

/// <summary>An outcome as one HTML file that needs nothing else: data, style and script are inside, and nothing is fetched.</summary>
public static class Report
{
    private const string Place = "/*OUTCOME*/";

    /// <summary>The page. The JSON's writer escapes angle brackets, so that no name in a model can end the script.</summary>
    public static string Html(Outcome outcome)
    {
        using Stream stream = typeof(Report).Assembly.GetManifestResourceStream("report.html")!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd().Replace(Place, JsonSerializer.Serialize(outcome, Outcome.Json), StringComparison.Ordinal);
    }

    /// <summary>Writes the page, whole or not at all.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    public static void Write(Outcome outcome, string path) => AtomicFile.WriteText(path, Html(outcome));
}
