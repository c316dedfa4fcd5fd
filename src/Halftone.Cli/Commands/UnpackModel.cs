using System.CommandLine;
using Halftone.Onnx;

namespace Halftone.Cli.Commands;

/// <summary>halftone unpack: the model file in an archive.</summary>
internal static class UnpackModel
{
    private static readonly Argument<string> s_archive = new("archive") { Description = "An archive that 'halftone pack' wrote." };

    /// <summary>The command.</summary>
    public static Command Command() =>
        new CliCommand(
            "unpack",
            "Restores the model file in an archive, bit by bit.",
            "halftone unpack model.halftone -o model.onnx")
        {
            s_archive,
            CommonOptions.Output,
        }.Does(Run);

    private static ExitCode Run(ParseResult options, Terminal terminal, CancellationToken cancel)
    {
        string source = options.GetRequiredValue(s_archive);
        string path = OutputPath.File(options.GetValue(CommonOptions.Output) ?? throw new UsageException("The model needs a name: give --output."), source);
        byte[] model = ModelArchive.Unpack(File.ReadAllBytes(source), source, cancel);
        cancel.ThrowIfCancellationRequested();
        WholeFile.Write(path, stream => stream.Write(model));
        terminal.Result(new { path, bytes = model.Length }, console => console.Profile.Out.Writer.WriteLine($"wrote {path}: {Quantity.Size(model.Length)}"));
        return ExitCode.Ok;
    }
}
