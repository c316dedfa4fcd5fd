using System.Diagnostics;

namespace Halftone.Cli.Tests;

/// <summary>The end of a test run, as whoever reads only the last line sees it.</summary>
public sealed class TestSummaryTests
{
    [Fact]
    public void The_last_line_counts_and_skips_crashes_and_the_slowest_are_named()
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder.File("A.trx"), """
            <TestRun xmlns="http://microsoft.com/schemas/VisualStudio/TeamTest/2010"><Results>
              <UnitTestResult testName="A.passes" outcome="Passed" duration="00:00:01.5" />
              <UnitTestResult testName="A.fails" outcome="Failed" duration="00:00:00.1"><Output><ErrorInfo><Message>two is not three</Message></ErrorInfo></Output></UnitTestResult>
              <UnitTestResult testName="A.skips" outcome="NotExecuted"><Output><ErrorInfo><Message>needs a disk</Message></ErrorInfo></Output></UnitTestResult>
            </Results></TestRun>
            """);
        File.WriteAllText(folder.File("projects.txt"), "A 1\nB 134\n"); // B left no results
        var start = new ProcessStartInfo("dotnet", ["run", Paths.InRepository("build/TestSummary.cs"), "--", folder.Path]) { RedirectStandardOutput = true, RedirectStandardInput = true };
        start.Environment["MSBUILDDISABLENODEREUSE"] = "1"; // a server left behind would hold this test's output open
        start.Environment["UseSharedCompilation"] = "false";
        using Process process = Process.Start(start)!;
        process.StandardInput.Close();
        string[] lines = process.StandardOutput.ReadToEnd().TrimEnd().Split('\n');
        process.WaitForExit();
        Assert.Equal(1, process.ExitCode);
        Assert.Equal("1 passed, 2 failed, 1 skipped", lines[^1]);
        Assert.Contains("skipped A.skips: needs a disk", lines);
        Assert.Contains(lines, l => l.StartsWith("FAILED B: it ended with code 134", StringComparison.Ordinal));
        Assert.Contains("    two is not three", lines);
        Assert.Contains(lines, l => l.Contains("1.5 s  A.passes", StringComparison.Ordinal));
    }
}
