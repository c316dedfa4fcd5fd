using System.Collections.Immutable;
using System.CommandLine;
using System.Globalization;
using Halftone.Data;
using Halftone.Engine;
using Halftone.Onnx;

namespace Halftone.Cli.Commands;

/// <summary>halftone run: a model's outputs.</summary>
internal static class RunModel
{
    private static readonly Option<string> s_engine = Runners.Engine("What runs the model: Halftone's engine or ONNX Runtime.", Runners.Halftone, Runners.Ort);

    private static readonly Option<int> s_samples = new("--samples")
    {
        Description = "How many samples of --data run, the first ones, each by itself.",
        HelpName = "count",
        DefaultValueFactory = _ => 1,
        CustomParser = result => CommonOptions.Whole(result, 1, 10_000),
    };

    private static readonly Option<string?> s_output = new("--output", "-o")
    {
        Description = "A folder to write the outputs to, as .npy files.",
        HelpName = "folder",
    };

    /// <summary>An output of a run.</summary>
    /// <param name="Input">What was fed.</param>
    /// <param name="Summary">What came out.</param>
    /// <param name="File">Where it was written; null for nowhere.</param>
    internal sealed record Result(string Input, TensorSummary Summary, string? File);

    /// <summary>The command.</summary>
    public static Command Command()
    {
        var command = new CliCommand(
            "run",
            "Runs a model once on given tensors, on samples of a data set or on random values, and shows or writes its outputs.",
            "halftone run model.int8.onnx --input x=x.npy --output out/",
            "halftone run model.int8.onnx --data images/ --preprocess imagenet --samples 3 --engine ort")
        {
            CommonOptions.Model,
            s_engine,
            s_samples,
            s_output,
            CommonOptions.Threads,
            Runners.Tier,
            Runners.Requantized,
            Runners.Accumulated,
        };
        foreach (Option option in Feeding.Options)
        {
            command.Add(option);
        }

        return command.Does(Run);
    }

    private static ExitCode Run(ParseResult options, Terminal terminal, CancellationToken cancel)
    {
        string engine = options.GetRequiredValue(s_engine);
        EngineOptions how = Runners.ReadEngine(options, engine);
        string? folder = options.GetValue(s_output) is { } asked ? OutputPath.Folder(asked) : null;
        Model model = Model.Load(options.GetRequiredValue(CommonOptions.Model));
        ImmutableArray<Feeding.Feed> feeds = Feeding.Of(options, model, terminal, options.GetValue(s_samples), cancel);
        using IModelRunner runner = Runners.Load(model, engine, how);
        List<(string Input, string Output, Tensor Value, string? File)> made = [];
        foreach ((Feeding.Feed feed, int number) in feeds.Select((f, i) => (f, i)))
        {
            IReadOnlyDictionary<string, Tensor> outputs = runner.Run(feed.Inputs, null, cancel);
            made.AddRange(model.Graph.Outputs.Select(o => (feed.Name, o.Name, outputs[o.Name], folder is null ? null : FileOf(folder, o.Name, feeds.Length == 1 ? null : number))));
        }

        Write(made, folder);
        Result[] results = [.. made.Select(m => new Result(m.Input, TensorSummary.Of(m.Output, m.Value), m.File))];
        terminal.Result(
            new { engine, tier = engine == Runners.Ort ? null : EngineTiers.Chosen(how).Name, how.Threads, outputs = results.Select(r => new { r.Input, r.Summary.Name, r.Summary.Type, r.Summary.Dims, r.Summary.Min, r.Summary.Max, r.Summary.Mean, r.Summary.NotFinite, r.Summary.Largest, r.File }) },
            console => Show(results, feeds.Length > 1, console.Profile.Out.Writer));
        return ExitCode.Ok;
    }

    // only when all runs have gone well, so that a failure leaves no half of the outputs
    private static void Write(List<(string Input, string Output, Tensor Value, string? File)> made, string? folder)
    {
        if (folder is null)
        {
            return;
        }

        if (made.GroupBy(m => m.File, StringComparer.OrdinalIgnoreCase).FirstOrDefault(g => g.Count() > 1) is { } same)
        {
            throw new ModelException($"The outputs {string.Join(" and ", same.Select(m => $"'{m.Output}'").Distinct())} would both be written to '{same.Key}'.");
        }

        foreach ((_, _, Tensor value, string? file) in made)
        {
            NpyFile.Check(file!, value);
        }

        Directory.CreateDirectory(folder);
        made.ForEach(m => NpyFile.Write(m.File!, m.Value));
    }

    // a name may hold what a file's may not: y:0 is y_0
    private static string FileOf(string folder, string output, int? number) => Path.Combine(folder, string.Create(
        CultureInfo.InvariantCulture,
        $"{string.Concat(output.Select(c => char.IsLetterOrDigit(c) || c is '_' or '-' or '.' ? c : '_'))}{(number is { } n ? $".{n}" : "")}.npy"));

    private static void Show(Result[] results, bool several, TextWriter writer)
    {
        string? input = null;
        foreach (Result result in results)
        {
            if (several && result.Input != input)
            {
                writer.WriteLine(input = result.Input);
            }

            writer.WriteLine(result.Summary.ToString());
            if (result.File is not null)
            {
                writer.WriteLine($"  wrote {result.File}");
            }
        }
    }
}
