using System.CommandLine;
using System.Globalization;
using Halftone.Data;
using Halftone.Engine;
using Halftone.Onnx;
using Halftone.PostTraining.Proofs;

namespace Halftone.Cli.Commands;

/// <summary>halftone evaluate: accuracy of one model.</summary>
internal static class Evaluate
{
    private static readonly Option<string> s_engine = Runners.Engine("What runs the model: ONNX Runtime or Halftone's engine.", Runners.Ort, Runners.Halftone);

    /// <summary>The command.</summary>
    public static Command Command()
    {
        var command = new CliCommand(
            "evaluate",
            "Measures a model, float or quantized, on labelled samples.",
            "halftone evaluate model.onnx --data images/ --labels labels.txt --preprocess imagenet --metric top-5",
            "halftone evaluate model.int8.onnx --data images/ --preprocess imagenet --engine halftone",
            "halftone evaluate model.onnx --data 'small/*.png' --targets 'large/*.png' --preprocess unit --metric psnr:border=4")
        {
            CommonOptions.Model,
            QuantizeOptions.Metric,
            s_engine,
            CommonOptions.Threads,
            Runners.Tier,
            Runners.Requantized,
            Runners.Accumulated,
        };
        foreach (Option option in QuantizeOptions.OfData.Where(o => o != QuantizeOptions.Measure))
        {
            command.Add(option);
        }

        return command.Does(Run);
    }

    private static ExitCode Run(ParseResult options, Terminal terminal, CancellationToken cancel)
    {
        string engine = options.GetRequiredValue(s_engine);
        EngineOptions how = Runners.ReadEngine(options, engine);
        string path = QuantizeOptions.RequiredData(options, "Evaluating needs samples");
        Model model = Model.Load(options.GetRequiredValue(CommonOptions.Model));
        IDataSet data = DataSets.Open(path, model.Graph.Inputs, QuantizeOptions.Reading(options, model) with { Limit = options.GetValue(CommonOptions.Samples) });
        AccuracyGoal goal = AccuracyGoal.Of(data, options.GetValue(QuantizeOptions.Metric), m => Runners.Load(m, engine, how));
        PreprocessAdvice.Give(model, options, terminal, cancel);
        MetricValue value = goal.Measure(model, cancel);
        bool known = !double.IsNaN(value.Low);
        string[] skipped = [.. goal.Skipped.All.Select(s => s.Reason)];
        if (skipped.Length > 0)
        {
            terminal.Warn($"{skipped.Length} samples could not be read and were left out: {string.Join(" ", skipped.Take(3))}");
        }

        terminal.Result(
            new { value.Metric, value.Value, low = known ? value.Low : (double?)null, high = known ? value.High : (double?)null, goal.Unit, value.Samples, skipped, data = data.Description, engine },
            console => console.Profile.Out.Writer.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{value.Metric} {value.Value:F3}{(goal.Unit.Length > 0 ? " " : "")}{goal.Unit}{(known ? $" (95 % interval {value.Low:F2} to {value.High:F2})" : "")} on {(value.Samples == data.Count ? "" : $"{value.Samples} of ")}{data.Description}")));
        return ExitCode.Ok;
    }
}
