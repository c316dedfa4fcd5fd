using System.Collections.Immutable;
using System.CommandLine;
using System.Globalization;
using Halftone.Data;
using Halftone.Onnx;
using Halftone.PostTraining;
using Halftone.PostTraining.Leaderboards;
using Halftone.PostTraining.Proofs;
using Halftone.PostTraining.Recipes;
using Halftone.Reports;
using Spectre.Console;

namespace Halftone.Cli.Commands;

/// <summary>halftone leaderboard: many recipes on one model, in one table.</summary>
internal static class LeaderboardCommand
{
    private static readonly TimeSpan s_latencyBudget = TimeSpan.FromSeconds(1.5);

    private static readonly Option<ImmutableArray<CrossedBits>> s_bits = new("--bits")
    {
        Description = "Cross the recipes with these bits of weights, or of weights and activations: 8,6,4,3,2 or 8/8,4/8; by default each has its own.",
        HelpName = "list",
        DefaultValueFactory = _ => [],
        CustomParser = result =>
        {
            try
            {
                return [.. Listed(result.Tokens[0].Value).Select(CrossedBits.Parse).Distinct()];
            }
            catch (FormatException error)
            {
                result.AddError(error.Message);
                return [];
            }
        },
    };

    private static readonly Option<string?> s_methods = new("--methods")
    {
        Description = "Recipes to try, by name or JSON file, with commas between them; by default all that ship with Halftone.",
        HelpName = "list",
    };

    private static readonly Option<int?> s_measured = new("--measure-samples")
    {
        Description = "Measure on at most this many samples, evenly over all.",
        HelpName = "count",
        CustomParser = result => CommonOptions.Whole(result, 1, int.MaxValue),
    };

    private static readonly Option<bool> s_latency = new("--latency") { Description = "Also time each model in turns with the float one." };

    /// <summary>The command.</summary>
    public static Command Command()
    {
        var command = new CliCommand(
            "leaderboard",
            "Runs many recipes on one model and ranks them by accuracy and size; a later run goes on where one was stopped.",
            "halftone leaderboard model.onnx --data images/ --labels labels.txt -o board/",
            "halftone leaderboard model.onnx --data images/ --methods ort-int8,k-means --bits 8,4,2 -o board/")
        {
            CommonOptions.Model,
            CommonOptions.Output,
            s_methods,
            s_bits,
            QuantizeOptions.Metric,
            s_measured,
            s_latency,
            CommonOptions.Threads,
            CommonOptions.Memory,
        };
        foreach (Option option in QuantizeOptions.OfData)
        {
            command.Add(option);
        }

        return command.Does(Run);
    }

    private static ExitCode Run(ParseResult options, Terminal terminal, CancellationToken cancel)
    {
        _ = QuantizeOptions.RequiredData(options, "A leaderboard compares outputs and accuracy");
        string folder = OutputPath.Folder(options, "leaderboard");
        string[] names = options.GetValue(s_methods) is { } listed ? [.. Listed(listed)] : [.. RecipeFile.Names];
        ImmutableArray<LeaderboardCandidate> candidates = LeaderboardCandidate.Of(names.Distinct().Select(Recipe.Find), options.GetValue(s_bits));
        if (candidates.GroupBy(c => c.Name).FirstOrDefault(g => g.Count() > 1) is { } twice)
        {
            throw new ArgumentException($"Two recipes are called '{twice.Key}': give each a name of its own.");
        }

        Model model = Model.Load(options.GetRequiredValue(CommonOptions.Model));
        DataSplit data = QuantizeOptions.ReadData(options, model)!;
        IDataSet measured = options.GetValue(s_measured) is { } most && most < data.Measured.Count ? new DataSubset(data.Measured, [.. Batches.Evenly(data.Measured.Count, most)]) : data.Measured;
        PreprocessAdvice.Give(model, options, terminal, cancel);
        var proof = new ProofOptions { LatencyBudget = options.GetValue(s_latency) ? s_latencyBudget : TimeSpan.Zero, Metric = options.GetValue(QuantizeOptions.Metric), Details = false };
        QuantizerOptions quantizing = QuantizeOptions.ForQuantizer(options, data, proof, step => Detail(terminal, step)) with { Measured = measured };
        WriteRecipes(candidates, Path.Combine(folder, "recipes"));
        LeaderboardResult result = Leaderboard.Run(model, candidates, data.Calibration, quantizing, folder, progress => Told(progress, folder, terminal), cancel);
        terminal.Result(result, console => Show(result, folder, console));
        return result.Rows.Any(r => r.Status is LeaderboardStatus.Measured) ? ExitCode.Ok : ExitCode.ProofFailed;
    }

    // each row can be made again: halftone quantize --recipe recipes/NAME.json
    private static void WriteRecipes(ImmutableArray<LeaderboardCandidate> candidates, string folder)
    {
        Directory.CreateDirectory(folder);
        foreach (LeaderboardCandidate candidate in candidates.Where(c => c.Misfit is null))
        {
            WholeFile.WriteText(Path.Combine(folder, candidate.Name.Replace('/', '-') + ".json"), RecipeFile.Write(candidate.Recipe));
        }
    }

    // the files hold what is known so far, whenever the run ends
    private static void Told(LeaderboardProgress progress, string folder, Terminal terminal)
    {
        WholeFile.WriteText(Path.Combine(folder, "leaderboard.csv"), LeaderboardFiles.Csv(progress.Result));
        WholeFile.WriteText(Path.Combine(folder, "leaderboard.json"), LeaderboardFiles.Json(progress.Result));
        WholeFile.WriteText(Path.Combine(folder, "leaderboard.md"), LeaderboardFiles.Markdown(progress.Result));
        LeaderboardPage.Write(progress.Result, Path.Combine(folder, "leaderboard.html"));
        string left = progress.Done == progress.Result.Candidates || progress.Left == TimeSpan.Zero ? "" : $"; {Rough(progress.Left)} left";
        terminal.Remark($"[{progress.Done} of {progress.Result.Candidates}] {Line(progress.Row, progress.Result)}{(progress.Taken ? " (from an earlier run)" : "")}{left}");
    }

    private static string Line(LeaderboardRow row, LeaderboardResult result) => row.Status switch
    {
        LeaderboardStatus.Skipped => $"{row.Name}: skipped, {row.Reason}",
        LeaderboardStatus.Failed => $"{row.Name}: failed, {row.Reason}",
        _ => string.Create(CultureInfo.InvariantCulture, $"{row.Name}: {(row.Metric is { } metric ? $"{result.Metric} {metric.ToString("F2", CultureInfo.InvariantCulture)} ({Difference(row)}), " : "")}SQNR {QuantizeOptions.Number(row.Sqnr ?? double.NaN, 1)} dB, {Size(row.DeployedBytes)}, coded {Size(row.CodedBytes)}, {row.Seconds:F1} s"),
    };

    private static void Show(LeaderboardResult result, string folder, IAnsiConsole console)
    {
        bool timed = result.Rows.Any(r => r.Speed is not null);
        Table table = new() { Border = TableBorder.Simple };
        table.AddColumns("recipe", "W/A bits");
        foreach (string number in (string[])["stored", .. result.Metric.Length > 0 ? (string[])[result.Metric, "against float"] : [], "SQNR, dB", "deployed", "coded", .. timed ? (string[])["speed"] : [], "engine", .. timed ? (string[])["engine speed"] : [], "seconds"])
        {
            table.AddColumn(new TableColumn(number).RightAligned());
        }

        void Row(params IEnumerable<string> cells) => table.AddRow([.. cells.Select(c => new Text(c))]);
        Row(["float", "", "", .. result.Metric.Length > 0 ? (string[])[Number(result.Float, 2), ""] : [], "", Size(result.DeployedBytes), Size(result.CodedBytes), .. timed ? (string[])["", ""] : [], "", ""]);
        foreach (LeaderboardRow r in result.Rows.Where(r => r.Status is LeaderboardStatus.Measured))
        {
            Row(
            [
                r.Name, LeaderboardFiles.Bits(r), Number(r.StoredBits, 1), .. result.Metric.Length > 0 ? (string[])[Number(r.Metric, 2), Difference(r)] : [], Number(r.Sqnr, 1), Size(r.DeployedBytes), Size(r.CodedBytes),
                .. timed ? (string[])[Number(r.Speed, 2) + " x"] : [], LeaderboardFiles.Engine(r), .. timed ? (string[])[r.EngineSpeed is null ? "" : Number(r.EngineSpeed, 2) + " x"] : [], Number(r.Seconds, 1),
            ]);
        }

        console.Write(table);
        foreach (LeaderboardRow r in result.Rows.Where(r => r.Status is not LeaderboardStatus.Measured))
        {
            console.Profile.Out.Writer.WriteLine($"{Line(r, result)}");
        }

        console.Profile.Out.Writer.WriteLine($"wrote {Path.Combine(folder, "leaderboard.html")}, and .csv, .json and .md beside it");
    }

    private static void Detail(Terminal terminal, string step)
    {
        if (terminal.Verbosity is Verbosity.Detailed)
        {
            terminal.Remark(step);
        }
    }

    private static string Difference(LeaderboardRow row) =>
        row.Difference is { } d ? string.Create(CultureInfo.InvariantCulture, $"{d:+0.00;-0.00} +- {row.StandardError:F2}") : "";

    private static string Number(double? value, int digits) => value is { } v && !double.IsNaN(v) ? QuantizeOptions.Number(v, digits) : "";

    private static string Size(long? bytes) => bytes is { } b ? Quantity.Size(b) : "unknown";

    private static string Rough(TimeSpan time) => string.Create(CultureInfo.InvariantCulture, $"about {(time.TotalSeconds < 90 ? $"{Math.Max(1, time.TotalSeconds):F0} s" : $"{time.TotalMinutes:F0} min")}");

    private static string[] Listed(string text) => text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
}
