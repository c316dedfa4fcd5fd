using System.Collections.Immutable;
using System.CommandLine;
using System.Globalization;
using Halftone.Data;
using Halftone.Onnx;

namespace Halftone.Cli;

/// <summary>What a model is fed once: tensors out of files, samples of a data set, or random values.</summary>
internal static class Feeding
{
    /// <summary>Tensors by input.</summary>
    public static readonly Option<string[]> Input = new("--input", "-i")
    {
        Description = "A tensor for an input, as name=file, or the file alone for a model with one input: a .npy or a TensorProto file; may be given more than once.",
        HelpName = "name=file",
    };

    /// <summary>The options that say what to feed.</summary>
    public static IEnumerable<Option> Options => [Input, CommonOptions.Data, CommonOptions.Preprocess, CommonOptions.Seed];

    /// <summary>Values for a run.</summary>
    /// <param name="Name">Where they come from.</param>
    /// <param name="Inputs">By name.</param>
    public sealed record Feed(string Name, IReadOnlyDictionary<string, Tensor> Inputs);

    /// <summary>What the command line names: its tensors, the first samples of its data, or, said on stderr, random values.</summary>
    /// <param name="options">The command line.</param>
    /// <param name="model">The model.</param>
    /// <param name="terminal">For remarks.</param>
    /// <param name="samples">Samples of the data set, at most.</param>
    /// <param name="cancel">Ends the reading.</param>
    /// <exception cref="DataException">Something cannot be read, or does not fit the model.</exception>
    /// <exception cref="UsageException">An input is named that the model lacks, or one is left out.</exception>
    public static ImmutableArray<Feed> Of(ParseResult options, Model model, Terminal terminal, int samples, CancellationToken cancel)
    {
        string[] given = options.GetValue(Input) ?? [];
        string? path = options.GetValue(CommonOptions.Data);
        if (given.Length > 0)
        {
            return path is null ? [Tensors(given, model)] : throw new UsageException("--input and --data both say what to feed: give one of them.");
        }

        if (path is not null)
        {
            var reading = new DataOptions
            {
                Preprocessing = options.GetValue(CommonOptions.Preprocess) is { } text ? Preprocessing.Parse(text) : null,
                Seed = options.GetValue(CommonOptions.Seed),
            };
            IDataSet data = DataSets.Open(path, model.Graph.Inputs, reading);
            return [.. Batches.Of(data, Enumerable.Range(0, Math.Min(samples, data.Count)), 1, new SkippedFiles(), cancel).Select(b => new Feed(b.Samples[0].Name, b.Inputs))];
        }

        int seed = options.GetValue(CommonOptions.Seed);
        var random = new Random(seed);
        Dictionary<string, Tensor> made = model.Graph.Inputs.ToDictionary(i => i.Name, i => InputTensors.Random(i, random));
        bool free = model.Graph.Inputs.Any(i => i.Dims!.Any(d => d is null));
        terminal.Remark($"inputs are random (seed {seed.ToString(CultureInfo.InvariantCulture)}){(free ? ", lengths that the model leaves free are 1" : "")}: give --input or --data for real ones");
        return [new Feed("random values", made)];
    }

    private static Feed Tensors(string[] given, Model model)
    {
        IReadOnlyList<ValueInfo> inputs = model.Graph.Inputs;
        Dictionary<string, Tensor> tensors = [];
        foreach (string text in given)
        {
            // a name may hold '=' no more than a file may lack it: the longest name that is an input's counts
            ValueInfo? named = inputs.Where(i => text.StartsWith(i.Name + "=", StringComparison.Ordinal)).MaxBy(i => i.Name.Length);
            ValueInfo input = named ?? (inputs is [var only] && (!text.Contains('=', StringComparison.Ordinal) || File.Exists(text)) ? only : throw Unknown(text, inputs));
            string file = named is null ? text : text[(named.Name.Length + 1)..];
            if (!tensors.TryAdd(input.Name, InputTensors.Read(input, file)))
            {
                throw new UsageException($"--input names '{input.Name}' twice.");
            }
        }

        return inputs.FirstOrDefault(i => !tensors.ContainsKey(i.Name)) is { } missing
            ? throw new UsageException($"The model needs a value for its input '{missing.Name}' too: give --input {missing.Name}=file.")
            : new Feed(string.Join(", ", given), tensors);
    }

    private static UsageException Unknown(string text, IReadOnlyList<ValueInfo> inputs) =>
        new($"--input wants name=file, with one of the model's inputs ({string.Join(", ", inputs.Select(i => i.Name))}), not '{text}'.");
}
