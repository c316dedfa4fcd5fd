using System.Globalization;
using Halftone.Engine.Bench.Peers;
using Halftone.OnnxRuntime;

namespace Halftone.Engine.Bench.Harness;

/// <summary>Gathers rows, shows each as it comes, and writes them as Markdown.</summary>
internal sealed class ResultTable
{
    private readonly List<Row> _rows = [];

    /// <summary>Whether a bar was missed.</summary>
    public bool Failed => _rows.Any(r => r.Holds == false);

    /// <summary>Adds a ratio of two peers. The first is null where it is not there.</summary>
    /// <param name="place">Section, subject, threads.</param>
    /// <param name="measure">What is compared with what.</param>
    /// <param name="times">The times of both.</param>
    /// <param name="ours">The one that should be faster.</param>
    /// <param name="theirs">The other.</param>
    /// <param name="bar">What the ratio must reach; null for none.</param>
    /// <param name="multiplyAdds">Of a run, for the rate; 0 for none.</param>
    /// <param name="error">What is wrong with the results of the first; null where they are right.</param>
    /// <param name="missing">What stands where the first would, if that is not the engine.</param>
    public void AddRatio(
        (string Section, string Subject, int Threads) place, string measure, Comparison times, IPeer? ours, IPeer theirs, Bar? bar, long multiplyAdds = 0, string? error = null, string missing = Row.NotBuiltIn)
    {
        string other = Time(times.Seconds(theirs), multiplyAdds);
        PairedRatio? ratio = ours is null ? null : times.Ratio(ours, theirs);
        string note = string.Join("; ", ((string?[])[error, times.Disturbed ? "other processes were busy" : null]).OfType<string>());
        Add(new Row(
            place.Section, place.Subject, place.Threads, measure,
            ours is null ? missing : Time(times.Seconds(ours), multiplyAdds), other,
            ratio is { } r ? Text($"{r.Median:F2} [{r.Low:F2}..{r.High:F2}]") : "",
            bar is null ? "" : Text($"{bar.Least:0.##}"), bar is null ? "" : Text($"{bar.Goal:0.##}"),
            error is not null ? false : ratio is null || bar is null ? null : ratio.Value.Median >= bar.Least, note));
    }

    /// <summary>Adds a value that must reach a bar, as a percentage.</summary>
    public void AddShare((string Section, string Subject, int Threads) place, string measure, double? share, Bar bar) => Add(new Row(
        place.Section, place.Subject, place.Threads, measure, share is null ? Row.NotBuiltIn : "", "",
        share is { } s ? Text($"{s:P1}") : "", Text($"{bar.Least:P0}"), Text($"{bar.Goal:P0}"), share is null ? null : share >= bar.Least, ""));

    /// <summary>Adds a value that must not pass a limit.</summary>
    public void AddLimit((string Section, string Subject, int Threads) place, string measure, double? value, double limit, string unit) => Add(new Row(
        place.Section, place.Subject, place.Threads, measure, value is null ? Row.NotBuiltIn : "", "",
        value is { } v ? Text($"{v:0.#} {unit}") : "", Text($"at most {limit:0} {unit}"), "", value is null ? null : value <= limit, ""));

    /// <summary>The rows, section by section, under the name of the machine.</summary>
    public string ToMarkdown()
    {
        MachineDescription machine = Machine.Describe();
        IEnumerable<string> sections = _rows.GroupBy(r => r.Section).Select(g => $"""

            ### {g.Key}

            | Subject | Threads | Measure | First | Second | Measured | Bar | Goal | Holds | Note |
            |---|---|---|---|---|---|---|---|---|---|
            {string.Join("\n", g.Select(r => r.ToMarkdown()))}

            """);
        return $"""
            {machine.Processor}, {machine.Cores} logical processors, {string.Join(", ", machine.InstructionSets)}; {machine.OperatingSystem}; {machine.DotNet}; ONNX Runtime {machine.OnnxRuntime}.

            Medians; ratios are second time / first time, paired round by round, with their 10..90 % range.

            """ + string.Concat(sections);
    }

    private static string Time(double seconds, long multiplyAdds) =>
        multiplyAdds == 0 ? Text($"{seconds * 1e3:F3} ms") : Text($"{seconds * 1e6:F1} us, {multiplyAdds / seconds / 1e9:F0} GMAC/s");

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private void Add(Row row)
    {
        _rows.Add(row);
        Console.WriteLine(row.ToMarkdown());
    }
}
