using Halftone.Onnx;
using Halftone.PostTraining.Leaderboards;

namespace Halftone.Reports;

/// <summary>A leaderboard as one HTML file that needs nothing else: accuracy against size with the front of the best, and the table.</summary>
public static class LeaderboardPage
{
    /// <summary>The page.</summary>
    public static string Html(LeaderboardResult result) => HtmlPage.Of("leaderboard.js", "leaderboard.json", result);

    /// <summary>Writes the page, whole or not at all.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    public static void Write(LeaderboardResult result, string path) => WholeFile.WriteText(path, Html(result));
}
