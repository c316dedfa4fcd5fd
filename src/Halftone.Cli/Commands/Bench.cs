using System.Collections.Immutable;
using System.CommandLine;
using System.Globalization;
using Halftone.Engine;
using Halftone.Onnx;
using Halftone.OnnxRuntime;
using Spectre.Console;

namespace Halftone.Cli.Commands;

/// <summary>halftone bench: the time of a model in Halftone's engine and in ONNX Runtime.</summary>
internal static class Bench
{
    private const string Both = "both";
    private const int ProfiledRuns = 20;
    private const int CountedRuns = 20; // to see what a run allocates

    private static readonly Option<string> s_engine = Runners.Engine("What is timed: both in turns, or one alone.", Both, Runners.Halftone, Runners.Ort);

    private static readonly Option<double> s_seconds = new("--seconds")
    {
        Description = "About how long to time.",
        HelpName = "seconds",
        DefaultValueFactory = _ => 5,
        CustomParser = CommonOptions.Amount,
    };

    private static readonly Option<bool> s_profile = new("--profile") { Description = "Show where the time goes: the steps of Halftone's engine, or with --engine ort the nodes of ONNX Runtime." };

    /// <summary>A step of a run.</summary>
    /// <param name="Name">What it does.</param>
    /// <param name="Microseconds">Median.</param>
    internal sealed record StepTime(string Name, double Microseconds);

    /// <summary>What was measured.</summary>
    /// <param name="Model">The model file.</param>
    /// <param name="Inputs">What was fed.</param>
    /// <param name="Machine">Processor, instruction sets and versions.</param>
    /// <param name="Tier">The engine's kernels; null where it did not run.</param>
    /// <param name="Threads">Threads of each.</param>
    /// <param name="Latency">Both in turns, ONNX Runtime in the float model's place; null with one alone.</param>
    /// <param name="Alone">One alone; null with both.</param>
    /// <param name="AllocatedBytes">Managed bytes that a run of the engine allocates in the calling thread; null where it did not run.</param>
    /// <param name="Steps">The slowest first; empty without --profile.</param>
    internal sealed record Report(
        string Model, string Inputs, MachineDescription Machine, string? Tier, int Threads, LatencyComparison? Latency, LatencyAlone? Alone, double? AllocatedBytes, ImmutableArray<StepTime> Steps);

    /// <summary>The command.</summary>
    public static Command Command()
    {
        var command = new CliCommand(
            "bench",
            "Times a model in Halftone's engine and in ONNX Runtime, in turns, and says where the time goes.",
            "halftone bench model.int8.onnx --threads 1",
            "halftone bench model.int8.onnx --engine halftone --profile --input x=x.npy")
        {
            CommonOptions.Model,
            s_engine,
            s_seconds,
            s_profile,
            CommonOptions.Threads,
            Runners.Tier,
            Runners.Requantized,
            Runners.Accumulated,
        };
        foreach (Option option in Feeding.Options)
        {
            command.Add(option);
        }

        return command.Does(Run);
    }

    private static ExitCode Run(ParseResult options, Terminal terminal, CancellationToken cancel)
    {
        string engine = options.GetRequiredValue(s_engine);
        EngineOptions how = Runners.ReadEngine(options, engine);
        string path = options.GetRequiredValue(CommonOptions.Model);
        Model model = Model.Load(path);
        Feeding.Feed feed = Feeding.Of(options, model, terminal, 1, cancel)[0];
        var timing = new LatencyOptions { Threads = how.Threads, Budget = TimeSpan.FromSeconds(options.GetValue(s_seconds)) };
        IModelRunner Load(string one) => Runners.Load(model, one, how);
        double? allocated = engine == Runners.Ort ? null : Allocated(() => Load(Runners.Halftone), feed, cancel); // first: a model that the engine does not know is told before any timing
        terminal.Remark(string.Create(CultureInfo.InvariantCulture, $"timing for {timing.Budget.TotalSeconds} s"));
        var report = new Report(
            path,
            feed.Name,
            Machine.Describe(),
            engine == Runners.Ort ? null : EngineTiers.Chosen(how).Name,
            how.Threads,
            engine == Both ? Latency.Compare(() => Load(Runners.Ort), () => Load(Runners.Halftone), feed.Inputs, timing, cancel) : null,
            engine == Both ? null : LatencyAlone.Of(() => Load(engine), feed.Inputs, timing, cancel),
            allocated,
            options.GetValue(s_profile) ? Profile(model, engine, how, feed, cancel) : []);
        terminal.Result(Json(report), console => Show(report, engine, console));
        return ExitCode.Ok;
    }

    private static double Allocated(Func<IModelRunner> load, Feeding.Feed feed, CancellationToken cancel)
    {
        using IModelRunner runner = load();
        using IBoundRun run = runner.Bind(feed.Inputs, cancel);
        run.Run();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < CountedRuns; i++)
        {
            run.Run();
        }

        return (double)(GC.GetAllocatedBytesForCurrentThread() - before) / CountedRuns;
    }

    private static ImmutableArray<StepTime> Profile(Model model, string engine, EngineOptions how, Feeding.Feed feed, CancellationToken cancel)
    {
        if (engine == Runners.Ort)
        {
            return [.. OpProfile.Of(model, feed.Inputs, how.Threads, ProfiledRuns, cancel).Ops.Select(o => new StepTime($"{o.Op} {o.Node}", o.Microseconds))];
        }

        using EngineSession session = EngineSession.Load(model, how);
        using EngineRun run = session.Bind(feed.Inputs, cancel);
        return [.. run.Profile(ProfiledRuns).Select(s => new StepTime(s.Step, s.Microseconds)).OrderByDescending(s => s.Microseconds)];
    }

    private static object Json(Report r) => new
    {
        r.Model,
        r.Inputs,
        r.Machine,
        r.Tier,
        r.Threads,
        latency = r.Latency is not { } l ? null : new { onnxRuntimeMilliseconds = l.FloatMilliseconds, halftoneMilliseconds = l.QuantizedMilliseconds, l.Ratio, l.RatioLow, l.RatioHigh, l.Rounds, l.Pairs },
        r.Alone,
        r.AllocatedBytes,
        r.Steps,
    };

    private static void Show(Report report, string engine, IAnsiConsole console)
    {
        Grid grid = new Grid().AddColumn(new GridColumn().NoWrap()).AddColumn();
        void Line(string name, FormattableString value) => grid.AddRow(new Text(name), new Text(value.ToString(CultureInfo.InvariantCulture)));
        Line("model", $"{report.Model}, fed {report.Inputs}");
        Line("machine", $"{report.Machine.Processor}, {report.Machine.Cores} cores; ONNX Runtime {report.Machine.OnnxRuntime}, {report.Machine.DotNet}");
        if (report.Tier is { } tier)
        {
            Line("engine", $"{tier} kernels, {report.AllocatedBytes:0.#} managed bytes a run");
        }

        if (report.Latency is { } both)
        {
            Line("ort", $"{both.FloatMilliseconds:F3} ms a run");
            Line("halftone", $"{both.QuantizedMilliseconds:F3} ms a run");
            Line("ratio", $"{both.Ratio:F2} times as fast in Halftone's engine (90 %: {both.RatioLow:F2} to {both.RatioHigh:F2}; {both.Rounds} rounds of {both.Pairs} pairs, {report.Threads} {(report.Threads == 1 ? "thread" : "threads")})");
        }
        else if (report.Alone is { } alone)
        {
            Line(engine, $"{alone.Milliseconds:F3} ms a run (90 %: {alone.Low:F3} to {alone.High:F3}; {alone.Rounds} rounds of {alone.Sessions} sessions, {report.Threads} {(report.Threads == 1 ? "thread" : "threads")})");
        }

        console.Write(grid);
        double total = report.Steps.Sum(s => s.Microseconds);
        if (!report.Steps.IsEmpty)
        {
            Table table = new Table().SimpleBorder().AddColumn("step").AddColumn(new TableColumn("microseconds").RightAligned()).AddColumn(new TableColumn("share").RightAligned());
            foreach (StepTime step in report.Steps)
            {
                table.AddRow(Markup.Escape(step.Name), step.Microseconds.ToString("F1", CultureInfo.InvariantCulture), (step.Microseconds / total).ToString("P1", CultureInfo.InvariantCulture));
            }

            console.Write(table);
        }
    }
}
