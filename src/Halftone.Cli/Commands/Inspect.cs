using System.CommandLine;
using Halftone.Cli.Inspection;
using Halftone.Onnx;
using Halftone.Onnx.Targets;
using Spectre.Console;

namespace Halftone.Cli.Commands;

/// <summary>halftone inspect: what a model is made of.</summary>
internal static class Inspect
{
    /// <summary>The command.</summary>
    public static Command Command() =>
        new CliCommand(
            "inspect",
            "Shows what a model is made of: operators, parameters, sizes, types, subgraphs.",
            "halftone inspect model.onnx",
            "halftone inspect model.onnx --target ort-x64 --json")
        {
            CommonOptions.Model,
            CommonOptions.Target,
        }.Does(Run);

    private static ExitCode Run(ParseResult options, Terminal terminal, CancellationToken cancel)
    {
        Target? target = options.GetValue(CommonOptions.Target) is { } id ? TargetList.Find(id) : null;
        Model model = Model.Load(options.GetRequiredValue(CommonOptions.Model));
        cancel.ThrowIfCancellationRequested();
        ModelInspection inspection = ModelInspection.Of(model, target: target);
        terminal.Result(inspection, console => Show(inspection, console));
        return ExitCode.Ok;
    }

    private static void Show(ModelInspection model, IAnsiConsole console)
    {
        Grid head = new Grid().AddColumn(new GridColumn().NoWrap()).AddColumn();
        void Line(string name, string value) => head.AddRow(new Text(name), new Text(value));
        Line("file", $"{model.File}, {Quantity.Size(model.FileBytes)}" + (model.ExternalBytes > 0 ? $" and {Quantity.Size(model.ExternalBytes)} beside it" : ""));
        Line("format", $"IR {model.IrVersion}, " + string.Join(", ", model.Opsets.Select(o => $"{o.Key} {o.Value}")) + (model.Producer.Length > 0 ? $", by {model.Producer}" : ""));
        foreach (ValueSummary input in model.Inputs)
        {
            Line("input", Describe(input));
        }

        foreach (ValueSummary output in model.Outputs)
        {
            Line("output", Describe(output));
        }

        Line("size", $"{Quantity.Count(model.Nodes)} nodes, {Quantity.Count(model.Parameters)} parameters, {Quantity.Size(model.ParameterBytes)}"
            + (model.Macs is { } macs ? $", {Quantity.Count(macs)} MACs" : ""));
        foreach (SubgraphSummary inner in model.Subgraphs)
        {
            Line("subgraphs", $"{inner.Operator} '{inner.Node}': {Quantity.Count(inner.Nodes)} nodes, {Quantity.Count(inner.Parameters)} parameters");
        }

        console.Write(head);
        console.Write(Operators(model));
    }

    private static Table Operators(ModelInspection model)
    {
        Table table = new() { Border = TableBorder.Simple };
        table.AddColumn("operator");
        foreach (string number in (string[])["nodes", "parameters", "bytes", "share"])
        {
            table.AddColumn(new TableColumn(number).RightAligned());
        }

        table.AddColumn("precision");
        if (model.Target is { } target)
        {
            table.AddColumn(new TableColumn(Markup.Escape(target)));
        }

        foreach (OperatorSummary op in model.Operators)
        {
            int plain = op.Nodes - op.Precisions.Values.Sum();
            string precision = op.Precisions.Count == 0 ? "" : string.Join(", ", op.Precisions.Select(p => $"{p.Value} of {p.Key}").Concat(plain > 0 ? [$"{plain} in float"] : []));
            string[] cells =
            [
                op.Operator, Quantity.Count(op.Nodes), Quantity.Count(op.Parameters), Quantity.Size(op.Bytes),
                op.Bytes == 0 ? "" : string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{100 * op.Share:F1} %"), precision,
            ];
            IEnumerable<string> row = model.Target is null ? cells : cells.Append(op.Role?.ToString().ToLowerInvariant() ?? "stays float");
            table.AddRow(row.Select(c => new Text(c)));
        }

        return table;
    }

    private static string Describe(ValueSummary value) =>
        $"{value.Name}: {value.Type}" + (value.Shape is null ? "" : $" [{string.Join(", ", value.Shape.Select(d => d?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "?"))}]");
}
