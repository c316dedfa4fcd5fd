using System.Globalization;
using Halftone.OnnxRuntime;

namespace Halftone.Engine.Bench.Harness;

/// <summary>Gathers rows, shows each as it comes, and writes them as Markdown.</summary>
internal sealed class ResultTable
{
    private readonly List<Row> _rows = [];

    /// <summary>Rows.</summary>
    public int Count => _rows.Count;

    /// <summary>Rows whose bar was missed, or whose results are wrong.</summary>
    public int Missed => _rows.Count(r => r.Holds == false);

    /// <summary>Rows with a bar that was neither reached nor missed, because the machine was too busy to tell.</summary>
    public int Unjudged => _rows.Count(r => r.Unjudged);

    /// <summary>Adds what came of two peers side by side.</summary>
    public void Add(Place place, Comparison times, Contest contest)
    {
        PairedRatio? ratio = contest.Ours is null ? null : times.Ratio(contest.Ours, contest.Theirs);
        string?[] notes = [contest.Error, times.Disturbed ? "other processes were busy: not judged" : null];
        bool? fast = contest.Bar is null || ratio is null || times.Disturbed ? null : ratio.Value.Median >= contest.Bar.Least;
        Add(new Row(place, contest.Measure)
        {
            First = contest.Ours is null ? contest.Missing : Time(times.Seconds(contest.Ours), place.MultiplyAdds),
            Second = Time(times.Seconds(contest.Theirs), place.MultiplyAdds),
            Measured = ratio is { } r ? Text($"{r.Median:F2} [{r.Low:F2}..{r.High:F2}]") : "",
            Bar = contest.Bar is { } bar ? Text($"{bar.Least:0.##}") : "",
            Goal = contest.Bar is { } goal ? Text($"{goal.Goal:0.##}") : "",
            Holds = contest.Error is null ? fast : false,
            Unjudged = contest.Bar is not null && ratio is not null && times.Disturbed,
            Note = string.Join("; ", notes.OfType<string>()),
        });
    }

    /// <summary>Adds seconds of a run of two.</summary>
    public void AddTimes(Place place, string measure, double first, double second, Bar bar, bool busy) => Add(new Row(place, measure)
    {
        First = Time(first, place.MultiplyAdds),
        Second = Time(second, place.MultiplyAdds),
        Measured = Text($"{second / first:F2}"),
        Bar = Text($"{bar.Least:0.##}"),
        Goal = Text($"{bar.Goal:0.##}"),
        Holds = busy ? null : second / first >= bar.Least,
        Unjudged = busy,
        Note = busy ? "other processes were busy: not judged" : "",
    });

    /// <summary>Adds a share that must reach a bar; null where the engine is not there.</summary>
    public void AddShare(Place place, string measure, double? share, Bar bar) => Add(new Row(place, measure)
    {
        First = share is null ? Row.NotBuiltIn : "",
        Measured = share is { } s ? Text($"{100 * s:F1} %") : "",
        Bar = Text($"{100 * bar.Least:F0} %"),
        Goal = Text($"{100 * bar.Goal:F0} %"),
        Holds = share is null ? null : share >= bar.Least,
    });

    /// <summary>Adds a value that must not pass a limit; null where the engine is not there.</summary>
    public void AddLimit(Place place, string measure, double? value, double limit, string unit) => Add(new Row(place, measure)
    {
        First = value is null ? Row.NotBuiltIn : "",
        Measured = value is { } v ? Text($"{v:0.#} {unit}") : "",
        Bar = Text($"at most {limit:0} {unit}"),
        Holds = value is null ? null : value <= limit,
    });

    /// <summary>The rows, section by section, under the name of the machine.</summary>
    public string ToMarkdown()
    {
        MachineDescription machine = Machine.Describe();
        IEnumerable<string> sections = _rows.GroupBy(r => r.Place.Section).Select(g => $"""

            ### {g.Key}

            | Subject | Threads | Measure | First | Second | Measured | Bar | Goal | Holds | Note |
            |---|---|---|---|---|---|---|---|---|---|
            {string.Join("\n", g.Select(r => r.ToMarkdown()))}

            """);
        return $"""
            {machine.Processor}{ProcessorModel.Describe()}, {machine.Cores} logical processors, {string.Join(", ", machine.InstructionSets)}; {machine.OperatingSystem}; {machine.DotNet}; ONNX Runtime {machine.OnnxRuntime}.

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
