using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;

namespace Halftone.Cli;

/// <summary>Options that several commands share, each defined once.</summary>
internal static class CommonOptions
{
    private const int MostThreads = 256; // more only wait for each other

    private const long LeastMemory = 1 << 20;

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
        CustomParser = result => Whole(result, int.MinValue, int.MaxValue),
    };

    /// <summary>Threads.</summary>
    public static readonly Option<int> Threads = new("--threads")
    {
        Description = "Threads to use; by default one a core.",
        HelpName = "count",
        DefaultValueFactory = _ => Environment.ProcessorCount,
        CustomParser = result => Whole(result, 1, MostThreads),
    };

    /// <summary>Memory limit in bytes.</summary>
    public static readonly Option<long> Memory = new("--memory")
    {
        Description = "Memory that calibration may take, such as 512MB or 2GB.",
        HelpName = "size",
        DefaultValueFactory = _ => 1L << 30,
        CustomParser = result => Parse(result, text => Quantity.Bytes(text) is >= LeastMemory and var bytes ? bytes : throw new FormatException($"'{text}' is too little memory; give 1MB or more.")),
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
        Description = "Use at most this many samples: to calibrate, or to measure where nothing is calibrated.",
        HelpName = "count",
        CustomParser = result => Whole(result, 1, int.MaxValue),
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

    /// <summary>A whole number within bounds.</summary>
    public static int Whole(ArgumentResult result, int least, int most) => Parse(result, text =>
        int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int number) && number >= least && number <= most ? number
            : throw new FormatException(string.Create(CultureInfo.InvariantCulture, $"{Name(result)} wants a whole number{(most == int.MaxValue ? least == int.MinValue ? "" : $" of {least} or more" : $" from {least} to {most}")}, not '{text}'.")));

    /// <summary>A number that is not negative.</summary>
    public static double Amount(ArgumentResult result) => Parse(result, text =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) && double.IsFinite(number) && number >= 0 ? number
            : throw new FormatException($"{Name(result)} wants a number of 0 or more, not '{text}'."));

    private static string Name(ArgumentResult result) => (result.Parent as OptionResult)?.Option.Name ?? result.Argument.Name;

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
