// Reads the result files of a test run: what failed and why, what was skipped and why, what took longest, and the count as the last line.
using System.Globalization;
using System.Xml;
using System.Xml.Linq;

string folder = args[0];
List<Outcome> outcomes = [];
List<string> crashed = [];
foreach (string line in File.ReadAllLines(Path.Combine(folder, "projects.txt")))
{
    string[] parts = line.Split(' ');
    (string project, string code) = (parts[0], parts[1]);
    try
    {
        Outcome[] read = [.. Read(Path.Combine(folder, project + ".trx"))];
        outcomes.AddRange(read);
        if (code != "0" && !read.Any(o => o.Kind == "Failed"))
        {
            crashed.Add($"{project}: no test failed, but it ended with code {code}");
        }
    }
    catch (Exception error) when (error is IOException or XmlException)
    {
        crashed.Add($"{project}: it ended with code {code} and without results, so it crashed or did not start");
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

foreach (string crash in crashed)
{
    Console.WriteLine($"FAILED {crash}");
}

foreach (Outcome test in skipped)
{
    Console.WriteLine($"skipped {test.Name}: {test.Message.Trim().ReplaceLineEndings(" ")}");
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

// again, in short: messages can be long, and of a long log often only the end is kept
foreach (string name in failed.Select(t => t.Name).Concat(crashed))
{
    Console.WriteLine($"FAILED {name}");
}

int failures = failed.Length + crashed.Count;
Console.WriteLine($"{passed} passed, {failures} failed, {skipped.Length} skipped");
return failures > 0 || passed + failed.Length == 0 ? 1 : 0;

static IEnumerable<Outcome> Read(string path)
{
    XDocument file = XDocument.Load(path);
    XNamespace ns = file.Root!.Name.Namespace;
    return
    [
        .. file.Descendants(ns + "UnitTestResult").Select(r => new Outcome(
            (string?)r.Attribute("testName") ?? "a test without a name",
            (string?)r.Attribute("outcome") ?? "Failed",
            TimeSpan.TryParse((string?)r.Attribute("duration"), CultureInfo.InvariantCulture, out TimeSpan time) ? time.TotalSeconds : 0,
            (string?)r.Descendants(ns + "Message").FirstOrDefault() ?? (string?)r.Descendants(ns + "StdOut").FirstOrDefault() ?? "no reason given")),
    ];
}

internal sealed record Outcome(string Name, string Kind, double Seconds, string Message);
