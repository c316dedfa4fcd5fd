#:property TargetFramework=net10.0
#:property PublishAot=false
#:property TreatWarningsAsErrors=true
#:property UseArtifactsOutput=false
#:property ManagePackageVersionsCentrally=false
// Reads the result files of a test run: what failed and why, what was skipped and why, what took longest, and the count as the last line.
using System.Globalization;
using System.Xml;
using System.Xml.Linq;

string folder = args[0];
bool filtered = args.Contains("--filtered");
List<Outcome> outcomes = [];
List<string> silent = [];
foreach (string project in File.ReadAllLines(Path.Combine(folder, "projects.txt")))
{
    try
    {
        outcomes.AddRange(Read(project, Path.Combine(folder, project + ".trx")));
    }
    catch (Exception error) when (error is IOException or XmlException)
    {
        silent.Add(project);
    }
}

Outcome[] failed = [.. outcomes.Where(o => o.Kind == "Failed")];
Outcome[] skipped = [.. outcomes.Where(o => o.Kind == "NotExecuted")];
int passed = outcomes.Count(o => o.Kind == "Passed");
Console.WriteLine();
foreach (Outcome test in failed)
{
    Console.WriteLine($"FAILED {test.Name}\n    {test.Message.Trim().ReplaceLineEndings("\n    ")}");
}

foreach (string project in silent)
{
    Console.WriteLine($"FAILED {project}: it ended without results, so it crashed or did not start");
}

foreach (Outcome test in skipped)
{
    Console.WriteLine($"skipped {test.Name}: {test.Message.Trim().ReplaceLineEndings(" ")}");
}

// a project whose tests all fall outside a filter is no failure; one without tests is
if (!filtered)
{
    foreach (string project in File.ReadAllLines(Path.Combine(folder, "projects.txt")).Except(outcomes.Select(o => o.Project)).Except(silent))
    {
        Console.WriteLine($"note: {project} holds no tests");
    }
}

Console.WriteLine("slowest:");
foreach (Outcome test in outcomes.OrderByDescending(o => o.Seconds).Take(10))
{
    Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {test.Seconds,7:F1} s  {test.Name}"));
}

if (outcomes.Count == 0)
{
    Console.WriteLine("FAILED: no test ran");
}

int failures = failed.Length + silent.Count;
Console.WriteLine($"{passed} passed, {failures} failed, {skipped.Length} skipped");
return failures > 0 || passed + failed.Length == 0 ? 1 : 0;

static IEnumerable<Outcome> Read(string project, string path)
{
    XDocument file = XDocument.Load(path);
    XNamespace ns = file.Root!.Name.Namespace;
    return
    [
        .. file.Descendants(ns + "UnitTestResult").Select(r => new Outcome(
            project,
            (string?)r.Attribute("testName") ?? "a test without a name",
            (string?)r.Attribute("outcome") ?? "Failed",
            TimeSpan.TryParse((string?)r.Attribute("duration"), CultureInfo.InvariantCulture, out TimeSpan time) ? time.TotalSeconds : 0,
            (string?)r.Descendants(ns + "Message").FirstOrDefault() ?? (string?)r.Descendants(ns + "StdOut").FirstOrDefault() ?? "no reason given")),
    ];
}

internal sealed record Outcome(string Project, string Name, string Kind, double Seconds, string Message);
