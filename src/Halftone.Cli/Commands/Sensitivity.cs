using System.CommandLine;
using Halftone.Data;
using Halftone.Onnx;
using Halftone.PostTraining;
using Halftone.PostTraining.Proofs;
using Halftone.PostTraining.Recipes;
using Halftone.PostTraining.Sensitivity;
using Spectre.Console;

namespace Halftone.Cli.Commands;

/// <summary>halftone sensitivity: which node hurts, and what keeping it float costs.</summary>
internal static class Sensitivity
{
    private static readonly Option<int> s_top = new("--top") { Description = "Show this many nodes.", DefaultValueFactory = _ => 20, HelpName = "count", CustomParser = result => CommonOptions.Whole(result, 1, int.MaxValue) };

    /// <summary>The command.</summary>
    public static Command Command()
    {
        var command = new CliCommand(
            "sensitivity",
            "Ranks nodes by the damage of quantizing each alone, weights and activations apart, and says what keeping each float costs.",
            "halftone sensitivity model.onnx --data images/ --preprocess imagenet --top 10")
        {
            CommonOptions.Model,
            s_top,
        };
        foreach (Option option in QuantizeOptions.OfRecipe.Concat(QuantizeOptions.OfData))
        {
            command.Add(option);
        }

        return command.Does(Run);
    }

    private static ExitCode Run(ParseResult options, Terminal terminal, CancellationToken cancel)
    {
        _ = QuantizeOptions.RequiredData(options, "Sensitivity compares outputs");
        Recipe recipe = QuantizeOptions.ReadRecipe(options);
        Model model = Model.Load(options.GetRequiredValue(CommonOptions.Model));
        DataSplit data = QuantizeOptions.ReadData(options, model)!;
        var ranked = Steps.Run(terminal, (tell, progress) =>
        {
            using QuantizationJob job = QuantizationJob.Start(model, recipe, data.Calibration, QuantizeOptions.ForQuantizer(options, data, new ProofOptions(), tell, progress), cancel);
            QuantizationPlan plan = job.Solve(cancel).Plan;
            tell("quantizing each node alone");
            return SensitivityAnalysis.Rank(job, plan, progress, cancel: cancel);
        });
        terminal.Result(ranked, console => Show(ranked.Take(options.GetValue(s_top)), console));
        return ExitCode.Ok;
    }

    private static void Show(IEnumerable<NodeSensitivity> nodes, IAnsiConsole console)
    {
        Table table = new() { Border = TableBorder.Simple };
        table.AddColumns("node", "operator");
        foreach (string number in (string[])["SQNR alone, dB", "weights", "activations", "share of noise", "bytes if float", "MACs if float"])
        {
            table.AddColumn(new TableColumn(number).RightAligned());
        }

        foreach (NodeSensitivity node in nodes)
        {
            table.AddRow(
                new Text(node.Node), new Text(node.Op), new Text(QuantizeOptions.Number(node.Sqnr, 1)), new Text(QuantizeOptions.Number(node.WeightSqnr, 1)), new Text(QuantizeOptions.Number(node.ActivationSqnr, 1)),
                new Text(QuantizeOptions.Number(100 * node.NoiseShare, 1) + " %"), new Text("+" + Quantity.Size(node.FloatBytes)), new Text(QuantizeOptions.Number(100 * node.MacShare, 1) + " %"));
        }

        console.Write(table);
    }
}
