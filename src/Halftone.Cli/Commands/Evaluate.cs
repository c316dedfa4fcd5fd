using System.CommandLine;
using System.Globalization;
using Halftone.Data;
using Halftone.Onnx;
using Halftone.PostTraining.Proofs;

namespace Halftone.Cli.Commands;

/// <summary>halftone evaluate: accuracy of one model.</summary>
internal static class Evaluate
{
    /// <summary>The command.</summary>
    public static Command Command()
    {
        var command = new CliCommand(
            "evaluate",
            "Measures a model, float or quantized, on labelled samples.",
            "halftone evaluate model.onnx --data images/ --labels labels.txt --preprocess imagenet --metric top-5")
        {
            CommonOptions.Model,
            QuantizeOptions.Metric,
            CommonOptions.Threads,
        };
        foreach (Option option in QuantizeOptions.OfData.Where(o => o != QuantizeOptions.Measure))
        {
            command.Add(option);
        }

        return command.Does(Run);
    }

    private static ExitCode Run(ParseResult options, Terminal terminal, CancellationToken cancel)
    {
        Model model = Model.Load(options.GetRequiredValue(CommonOptions.Model));
        string path = options.GetValue(CommonOptions.Data) ?? throw new DataException("Evaluating needs samples: give --data.");
        IDataSet data = DataSets.Open(path, model.Graph.Inputs, QuantizeOptions.Reading(options) with { Limit = options.GetValue(CommonOptions.Samples) });
        AccuracyGoal goal = AccuracyGoal.Of(data, options.GetValue(QuantizeOptions.Metric), options.GetValue(CommonOptions.Threads));
        MetricValue value = goal.Measure(model, cancel);
        terminal.Result(value, console => console.Profile.Out.Writer.WriteLine(
            string.Create(CultureInfo.InvariantCulture, $"{value.Metric} {value.Value:F3} (95 % interval {value.Low:F3} to {value.High:F3}) on {value.Samples} samples of {data.Description}")));
        return ExitCode.Ok;
    }
}
