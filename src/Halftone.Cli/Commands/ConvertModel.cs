using System.CommandLine;
using Halftone.Onnx;
using Halftone.Onnx.Export;
using Halftone.Onnx.Opsets;

namespace Halftone.Cli.Commands;

/// <summary>halftone convert: between the forms of quantized models.</summary>
internal static class ConvertModel
{
    private static readonly Option<string> s_to = new("--to")
    {
        Description = "qdq, qoperator, qonnx, qcdq, matmulnbits, fp16 or float.",
        HelpName = "format",
        Required = true,
    };

    private static readonly Option<int?> s_opset = new("--opset") { Description = "Bring the model to this opset first.", HelpName = "version", CustomParser = result => CommonOptions.Whole(result, 1, 100) };

    private static readonly Dictionary<string, ModelFormat> s_formats = new(StringComparer.OrdinalIgnoreCase)
    {
        ["qdq"] = ModelFormat.Qdq,
        ["qoperator"] = ModelFormat.QOperator,
        ["qonnx"] = ModelFormat.Qonnx,
        ["qcdq"] = ModelFormat.Qcdq,
        ["matmulnbits"] = ModelFormat.MatMulNBits,
        ["fp16"] = ModelFormat.Float16,
        ["float"] = ModelFormat.Float,
    };

    /// <summary>The command.</summary>
    public static Command Command() =>
        new CliCommand(
            "convert",
            "Converts a model between qdq, qoperator, qonnx, qcdq, matmulnbits, fp16 and float.",
            "halftone convert model.int8.onnx --to qoperator -o model.qop.onnx",
            "halftone convert model.onnx --to fp16 -o model.fp16.onnx")
        {
            CommonOptions.Model,
            s_to,
            s_opset,
            CommonOptions.Output,
        }.Does(Run);

    private static ExitCode Run(ParseResult options, Terminal terminal, CancellationToken cancel)
    {
        string to = options.GetRequiredValue(s_to);
        if (!s_formats.TryGetValue(to, out ModelFormat format))
        {
            throw new ArgumentException($"There is no format '{to}'. Did you mean '{Spelling.Nearest(to, s_formats.Keys)}'? There are: {string.Join(", ", s_formats.Keys)}.");
        }

        string source = options.GetRequiredValue(CommonOptions.Model);
        string path = OutputPath.File(options.GetValue(CommonOptions.Output) ?? Path.ChangeExtension(source, $".{to.ToLowerInvariant()}.onnx"), source);
        Model model = Model.Load(source);
        if (options.GetValue(s_opset) is { } opset)
        {
            OpsetUpgrade.To(model, opset);
        }

        ConversionResult result = FormatConversion.Convert(model, format, new ConversionOptions(), cancel);
        cancel.ThrowIfCancellationRequested();
        result.Model.Save(path);
        terminal.Result(new { path, notes = result.Notes }, console =>
        {
            foreach (string note in result.Notes)
            {
                console.Profile.Out.Writer.WriteLine(note);
            }

            console.Profile.Out.Writer.WriteLine($"wrote {path}");
        });
        return ExitCode.Ok;
    }
}
