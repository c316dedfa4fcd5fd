using System.CommandLine;
using System.Globalization;
using Halftone.Onnx;

namespace Halftone.Cli.Commands;

/// <summary>halftone pack: a model file in fewer bytes.</summary>
internal static class PackModel
{
    /// <summary>How archives are called.</summary>
    public const string Extension = ".halftone";

    /// <summary>The command.</summary>
    public static Command Command() =>
        new CliCommand(
            "pack",
            "Packs a model file into an archive of entropy-coded tensors, from which the very same file comes back.",
            "halftone pack model.int4.onnx -o model.halftone",
            "halftone pack model.int8.onnx --json")
        {
            CommonOptions.Model,
            CommonOptions.Output,
        }.Does(Run);

    private static ExitCode Run(ParseResult options, Terminal terminal, CancellationToken cancel)
    {
        string source = options.GetRequiredValue(CommonOptions.Model);
        string path = OutputPath.File(options.GetValue(CommonOptions.Output) ?? Path.ChangeExtension(source, Extension), source);
        _ = Model.Load(source); // what does not load is no model, and says why
        byte[] file = File.ReadAllBytes(source);
        PackedModel packed = ModelArchive.Pack(file, source, cancel);
        cancel.ThrowIfCancellationRequested();
        WholeFile.Write(path, stream => stream.Write(packed.Bytes.Span));
        var codes = packed.Tensors.GroupBy(t => t.Code).OrderBy(g => g.Key).Select(g => new { Code = g.Key, Tensors = g.Count(), Bytes = g.Sum(t => t.Bytes), CodedBytes = g.Sum(t => t.CodedBytes) }).ToArray();
        long tensors = codes.Sum(c => c.Bytes);
        terminal.Result(new { path, bytes = file.Length, codedBytes = packed.Bytes.Length, packed.Tensors }, console =>
        {
            TextWriter to = console.Profile.Out.Writer;
            foreach (var code in codes)
            {
                to.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{code.Tensors,6} tensors {code.Code.ToString().ToLowerInvariant(),-8} {Quantity.Size(code.Bytes),10} -> {Quantity.Size(code.CodedBytes)}"));
            }

            to.WriteLine(string.Create(CultureInfo.InvariantCulture, $"       the rest         {Quantity.Size(file.Length - tensors),10} -> {Quantity.Size(packed.Bytes.Length - codes.Sum(c => c.CodedBytes))}"));
            to.WriteLine(string.Create(CultureInfo.InvariantCulture, $"wrote {path}: {Quantity.Size(file.Length)} in {Quantity.Size(packed.Bytes.Length)} ({(double)file.Length / packed.Bytes.Length:F2} times smaller)"));
        });
        return ExitCode.Ok;
    }
}
