using System.CommandLine;
using Halftone.Onnx;
using Halftone.Onnx.Targets;
using Spectre.Console;

namespace Halftone.Cli.Commands;

/// <summary>halftone check: which rules of a target a model breaks.</summary>
internal static class Check
{
    private static readonly Option<bool> s_fix = new("--fix") { Description = "Repair what needs no calibration and write the result to --output." };

    private static readonly Option<string> s_target = new("--target") { Description = "Where the model is to run, such as ort-x64.", HelpName = "id", Required = true };

    /// <summary>The command.</summary>
    public static Command Command() =>
        new CliCommand(
            "check",
            "Lists every rule of a target that a quantized model breaks, by id, with node names; repairs what needs no calibration.",
            "halftone check model.int8.onnx --target tensorrt",
            "halftone check model.int8.onnx --target tensorrt --fix -o fixed.onnx")
        {
            CommonOptions.Model,
            s_target,
            s_fix,
            CommonOptions.Output,
        }.Does(Run);

    private static ExitCode Run(ParseResult options, Terminal terminal, CancellationToken cancel)
    {
        Target target = TargetList.Find(options.GetRequiredValue(s_target));
        string? path = !options.GetValue(s_fix) ? null
            : OutputPath.File(options.GetValue(CommonOptions.Output) ?? throw new UsageException("--fix writes a model: give --output."), options.GetRequiredValue(CommonOptions.Model));
        Model model = Model.Load(options.GetRequiredValue(CommonOptions.Model));
        if (path is not null)
        {
            foreach (Repair done in TargetRules.Fix(model, target))
            {
                terminal.Remark($"{done.Id} {done.Node}: {done.What}");
            }

            model.Save(path);
        }

        cancel.ThrowIfCancellationRequested();
        if (model.Graph.Nodes.All(n => !IsQuantized(n)))
        {
            terminal.Warn("The model is not quantized, so there is little in it that could break a rule.");
        }

        var found = TargetRules.Check(model, target);
        terminal.Result(found, console => Show(found, target, console));
        return found.Any(d => d.Severity is Severity.Error) ? ExitCode.InvalidInput : ExitCode.Ok;
    }

    private static bool IsQuantized(Node node) =>
        node.Op is "QuantizeLinear" or "DequantizeLinear" or "DynamicQuantizeLinear" or "MatMulNBits" or "Quant" || node.Op.Contains("Integer", StringComparison.Ordinal) || node.Op.StartsWith("QLinear", StringComparison.Ordinal);

    private static void Show(IReadOnlyCollection<Diagnostic> found, Target target, IAnsiConsole console)
    {
        if (found.Count == 0)
        {
            console.WriteLine($"No rule of {target.Id} is broken.");
            return;
        }

        Table table = new() { Border = TableBorder.Simple };
        table.AddColumns("rule", "", "node", "what", "");
        foreach (Diagnostic d in found)
        {
            table.AddRow(new Text(d.Id), new Text(d.Severity.ToString().ToLowerInvariant()), new Text(d.Node), new Text(d.Message), new Text(d.Fixable ? "--fix repairs it" : ""));
        }

        console.Write(table);
    }
}
