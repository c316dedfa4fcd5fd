using System.CommandLine;
using System.CommandLine.Parsing;

namespace Halftone.Cli;

/// <summary>Options that several commands share, each defined once.</summary>
internal static class CommonOptions
{
    /// <summary>The model a command works on.</summary>
    public static readonly Argument<string> Model = new("model") { Description = "An ONNX model file." };

    /// <summary>Machine output.</summary>
    public static readonly Option<bool> Json = new("--json")
    {
        Description = "Write the result as one JSON document to stdout; all else goes to stderr.",
        Recursive = true,
    };

    /// <summary>How much to say.</summary>
    public static readonly Option<Verbosity> Verbosity = new("--verbosity", "-v")
    {
        Description = "How much to say: q(uiet), m(inimal), n(ormal) or d(etailed).",
        HelpName = "q|m|n|d",
        Recursive = true,
        DefaultValueFactory = _ => Cli.Verbosity.Normal,
        CustomParser = ParseVerbosity,
    };

    /// <summary>Samples.</summary>
    public static readonly Option<string?> Data = new("--data")
    {
        Description = "Samples: a folder of images, an IDX, CIFAR, NPY or NPZ file, or a folder of TensorProto sets.",
        HelpName = "path",
    };

    /// <summary>Labels of the samples.</summary>
    public static readonly Option<string?> Labels = new("--labels")
    {
        Description = "Labels of the samples, where the data does not hold them: a text, CSV, TSV, IDX or NPY file.",
        HelpName = "file",
    };

    /// <summary>From a raw sample to the model's input.</summary>
    public static readonly Option<string?> Preprocess = new("--preprocess")
    {
        Description = "How a sample becomes the model's input: a preset's name or a JSON file.",
        HelpName = "preset|file",
    };

    /// <summary>The runtime or chip that the result is for.</summary>
    public static readonly Option<string?> Target = new("--target")
    {
        Description = "Where the model is to run, such as ort-x64.",
        HelpName = "id",
    };

    /// <summary>A recipe.</summary>
    public static readonly Option<string?> Recipe = new("--recipe", "-r")
    {
        Description = "A recipe's name (see 'halftone recipes') or a JSON file.",
        HelpName = "name|file",
    };

    /// <summary>Where results go.</summary>
    public static readonly Option<string?> Output = new("--output", "-o")
    {
        Description = "Where to write: a file, or a folder where several files come about.",
        HelpName = "path",
    };

    /// <summary>Seed.</summary>
    public static readonly Option<int> Seed = new("--seed")
    {
        Description = "Seed of everything random; the same seed gives the same bytes.",
        HelpName = "number",
        DefaultValueFactory = _ => 0,
    };

    /// <summary>Threads.</summary>
    public static readonly Option<int> Threads = new("--threads")
    {
        Description = "Threads to use; by default one a core.",
        HelpName = "count",
        DefaultValueFactory = _ => Environment.ProcessorCount,
        CustomParser = ParseThreads,
    };

    /// <summary>Memory limit in bytes.</summary>
    public static readonly Option<long> Memory = new("--memory")
    {
        Description = "Memory that calibration may take, such as 512MB or 2GB.",
        HelpName = "size",
        DefaultValueFactory = _ => 1L << 30,
        CustomParser = result => Parse(result, Quantity.Bytes),
    };

    /// <summary>Time limit.</summary>
    public static readonly Option<TimeSpan?> Budget = new("--budget")
    {
        Description = "Time to spend, such as 90s, 20m or 1h30m.",
        HelpName = "time",
        CustomParser = result => Parse(result, text => (TimeSpan?)Quantity.Duration(text)),
    };

    /// <summary>The number of samples that calibrate.</summary>
    public static readonly Option<int?> Samples = new("--samples")
    {
        Description = "Use at most this many calibration samples.",
        HelpName = "count",
    };

    /// <summary>Where a command writes, from what the user asked.</summary>
    public static Terminal Terminal(ParseResult result) =>
        new(result.InvocationConfiguration.Output, result.InvocationConfiguration.Error, result.GetValue(Json), result.GetValue(Verbosity));

    private static Verbosity ParseVerbosity(ArgumentResult result)
    {
        string text = result.Tokens[0].Value.ToLowerInvariant();
        foreach (Verbosity value in Enum.GetValues<Verbosity>())
        {
            string name = value.ToString().ToLowerInvariant();
            if (text == name || text == name[..1])
            {
                return value;
            }
        }

        result.AddError($"There is no verbosity '{text}'. There are: q(uiet), m(inimal), n(ormal), d(etailed).");
        return Cli.Verbosity.Normal;
    }

    private static int ParseThreads(ArgumentResult result) => Parse(result, text =>
        int.TryParse(text, out int count) && count > 0 ? count : throw new FormatException($"'{text}' is no number of threads; give 1 or more."));

    private static T? Parse<T>(ArgumentResult result, Func<string, T> parse)
    {
        try
        {
            return parse(result.Tokens[0].Value);
        }
        catch (FormatException error)
        {
            result.AddError(error.Message);
            return default;
        }
    }
}
