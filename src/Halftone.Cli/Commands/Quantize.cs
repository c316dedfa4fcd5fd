using System.CommandLine;
using Halftone.Data;
using Halftone.Onnx;
using Halftone.PostTraining;
using Halftone.PostTraining.Proofs;
using Halftone.PostTraining.Recipes;
using Halftone.Reports;

namespace Halftone.Cli.Commands;

/// <summary>halftone quantize: from a float model to a proven quantized one.</summary>
internal static class Quantize
{
    private static readonly Option<bool> s_requireFaster = new("--require-faster")
    {
        Description = "Exit with 2 when the result is surely slower than float: the whole 90 % interval of the paired ratio says so.",
    };

    /// <summary>The command.</summary>
    public static Command Command()
    {
        var command = new CliCommand(
            "quantize",
            "Quantizes a float model as a recipe says, proves the result, and writes model, recipe and report.",
            "halftone quantize model.onnx --data images/ --preprocess imagenet --target ort-x64 -o out/",
            "halftone quantize model.onnx --recipe weight-only-int4 -o out/")
        {
            CommonOptions.Model,
            CommonOptions.Output,
            s_requireFaster,
            QuantizeOptions.MaxDrop,
            QuantizeOptions.Metric,
        };
        foreach (Option option in QuantizeOptions.OfRecipe.Concat(QuantizeOptions.OfData))
        {
            command.Add(option);
        }

        return command.Does(Run);
    }

    private static ExitCode Run(ParseResult options, Terminal terminal, CancellationToken cancel)
    {
        string folder = OutputPath.Folder(options, "out");
        Recipe recipe = QuantizeOptions.ReadRecipe(options);
        Model model = Model.Load(options.GetRequiredValue(CommonOptions.Model));
        DataSplit? data = QuantizeOptions.ReadData(options, model);
        CheckGoal(options, data);
        PreprocessAdvice.Give(model, options, terminal, cancel);
        var proof = new ProofOptions
        {
            RequireFaster = options.GetValue(s_requireFaster),
            MaxDrop = options.GetValue(QuantizeOptions.MaxDrop),
            Metric = options.GetValue(QuantizeOptions.Metric),
        };
        QuantizationResult result = Steps.Run(terminal, (tell, progress) =>
            Quantizer.Quantize(model, recipe, data?.Calibration, QuantizeOptions.ForQuantizer(options, data, proof, tell, progress), cancel));
        string path = result.Save(folder);
        string report = Path.Combine(folder, "report.html");
        Report.Write(result.Outcome, report);
        terminal.Result(result.Outcome, console => OutcomeText.Show(result.Outcome, console, path, report));
        return Code(result.Outcome);
    }

    // a goal that nothing can be held against is no goal that was met
    private static void CheckGoal(ParseResult options, DataSplit? data)
    {
        string? metric = options.GetValue(QuantizeOptions.Metric);
        if (metric is not null || options.GetValue(QuantizeOptions.MaxDrop) is not null)
        {
            _ = AccuracyGoal.Of(data?.Measured ?? throw new DataException("--metric and --max-drop measure accuracy: give --data."), metric, 1);
        }
    }

    /// <summary>What an outcome means to the caller.</summary>
    internal static ExitCode Code(Outcome outcome) => outcome.Status switch
    {
        OutcomeStatus.Good => ExitCode.Ok,
        OutcomeStatus.GoalMissed => ExitCode.GoalMissed,
        _ => ExitCode.ProofFailed,
    };
}
