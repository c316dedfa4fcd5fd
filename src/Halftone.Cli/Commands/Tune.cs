using System.CommandLine;
using System.Globalization;
using Halftone.Data;
using Halftone.Onnx;
using Halftone.PostTraining;
using Halftone.PostTraining.Proofs;
using Halftone.PostTraining.Recipes;
using Halftone.PostTraining.Tuning;
using Halftone.Reports;
using Spectre.Console;

namespace Halftone.Cli.Commands;

/// <summary>halftone tune: the cheapest model that loses no more than allowed.</summary>
internal static class Tune
{
    private static readonly Option<int> s_step = new("--step")
    {
        Description = "Nodes kept float more at each step; 0 doubles their number (1, 2, 4, ...).",
        HelpName = "count",
        DefaultValueFactory = _ => 0,
        CustomParser = result => CommonOptions.Whole(result, 0, int.MaxValue),
    };

    private static readonly Option<bool> s_sixteen = new("--wide")
    {
        Description = "Also try 16-bit activations for the worst nodes' inputs before they go back to float.",
    };

    /// <summary>The command.</summary>
    public static Command Command()
    {
        var command = new CliCommand(
            "tune",
            "Searches for the cheapest model that loses no more than allowed; the best so far is on disk after every trial, and a later run goes on.",
            "halftone tune model.onnx --data images/ --labels labels.txt --max-drop 0.5 --budget 20m -o out/")
        {
            CommonOptions.Model,
            CommonOptions.Output,
            QuantizeOptions.MaxDrop,
            QuantizeOptions.Metric,
            CommonOptions.Budget,
            s_step,
            s_sixteen,
        };
        foreach (Option option in QuantizeOptions.OfRecipe.Concat(QuantizeOptions.OfData))
        {
            command.Add(option);
        }

        return command.Does(Run);
    }

    private static ExitCode Run(ParseResult options, Terminal terminal, CancellationToken cancel)
    {
        _ = QuantizeOptions.RequiredData(options, "Tuning measures accuracy");
        string folder = OutputPath.Folder(options, "out");
        Recipe recipe = QuantizeOptions.ReadRecipe(options);
        Model model = Model.Load(options.GetRequiredValue(CommonOptions.Model));
        DataSplit data = QuantizeOptions.ReadData(options, model)!;
        PreprocessAdvice.Give(model, options, terminal, cancel);
        int threads = options.GetValue(CommonOptions.Threads);
        AccuracyGoal goal = AccuracyGoal.Of(data.Measured, options.GetValue(QuantizeOptions.Metric), threads);
        var tuning = new TunerOptions
        {
            MaxDrop = options.GetValue(QuantizeOptions.MaxDrop) ?? 0.5,
            Budget = options.GetValue(CommonOptions.Budget) ?? new TunerOptions().Budget,
            Step = options.GetValue(s_step),
            Wide = options.GetValue(s_sixteen),
            Progress = new Told(trial => terminal.Remark(Line(trial))),
        };
        QuantizerOptions quantizing = QuantizeOptions.ForQuantizer(options, data, new ProofOptions { MaxDrop = tuning.MaxDrop, Metric = options.GetValue(QuantizeOptions.Metric) ?? goal.Metric }, terminal.Remark) with { MinimumOpset = tuning.Wide ? 21 : 0 };
        using QuantizationJob job = QuantizationJob.Start(model, recipe, data.Calibration, quantizing, cancel);
        TuningResult result = Tuner.Run(job, goal, tuning, folder, cancel);
        Outcome outcome = Proof.Of(job, result.Plan, Model.Load(result.ModelPath), quantizing, cancel);
        string report = Path.Combine(folder, "report.html");
        Report.Write(outcome, report);
        terminal.Result(new { result.GoalMet, result.FloatMetric, result.Best, result.Trials, result.ModelPath, outcome }, console =>
        {
            Show(result, console);
            OutcomeText.Show(outcome, console, result.ModelPath, report);
        });
        return outcome.Status is OutcomeStatus.Failed ? ExitCode.ProofFailed : result.GoalMet ? ExitCode.Ok : ExitCode.GoalMissed;
    }

    private static void Show(TuningResult result, IAnsiConsole console)
    {
        Table table = new() { Border = TableBorder.Simple };
        table.AddColumns("trial", "");
        foreach (string number in (string[])["metric", "lost", "MACs in float", "size", "at"])
        {
            table.AddColumn(new TableColumn(number).RightAligned());
        }

        foreach (Trial t in result.Trials)
        {
            table.AddRow(
                new Text(t.Key), new Text(t.Key == result.Best.Key ? "best" : ""), new Text(QuantizeOptions.Number(t.Metric, 2)), new Text(QuantizeOptions.Number(t.Drop, 2)),
                new Text(QuantizeOptions.Number(100 * t.FloatMacs, 1) + " %"), new Text(Quantity.Size(t.Bytes)), new Text(QuantizeOptions.Number(t.Seconds, 0) + " s"));
        }

        console.Write(table);
    }

    private static string Line(Trial trial) => string.Create(CultureInfo.InvariantCulture, $"{trial.Key}: {trial.Metric:F2}, lost {trial.Drop:F2}{(trial.Best ? " (best so far)" : "")}");

    private sealed class Told(Action<Trial> tell) : IProgress<Trial>
    {
        public void Report(Trial value) => tell(value);
    }
}
