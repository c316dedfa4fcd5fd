using System.Collections.Immutable;
using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Halftone.Data;
using Halftone.Onnx;
using Halftone.Onnx.Targets;
using Halftone.PostTraining;
using Halftone.PostTraining.Calibration;
using Halftone.PostTraining.Proofs;
using Halftone.PostTraining.Recipes;

namespace Halftone.Cli;

/// <summary>The options of the commands that quantize, and what they mean.</summary>
internal static class QuantizeOptions
{
    /// <summary>Samples to measure on, where they are not a part of --data.</summary>
    public static readonly Option<string?> Measure = new("--measure")
    {
        Description = "Labelled samples to measure accuracy on; by default the part of --data that does not calibrate.",
        HelpName = "path",
    };

    /// <summary>The metric.</summary>
    public static readonly Option<string?> Metric = new("--metric")
    {
        Description = "What is measured on the samples: top-1, top-5, perplexity, psnr, ..., with options as in psnr:border=4; by default what fits the data.",
        HelpName = "id",
    };

    /// <summary>Accuracy goal.</summary>
    public static readonly Option<double?> MaxDrop = new("--max-drop")
    {
        Description = "How much of the metric may be lost, in its unit (points for top-1).",
        HelpName = "amount",
        CustomParser = result => CommonOptions.Amount(result),
    };

    /// <summary>Nodes to keep float.</summary>
    public static readonly Option<string[]> KeepFloat = new("--keep-float")
    {
        Description = "Keep nodes float whose name fits this regular expression; may be given more than once.",
        HelpName = "regex",
    };

    /// <summary>A range method in place of the recipe's.</summary>
    public static readonly Option<string?> Range = new("--range")
    {
        Description = "Range method for activations in place of the recipe's, such as mse or percentile:percent=99.9 (see 'halftone methods'), or auto.",
        HelpName = "id",
    };

    /// <summary>Range of the model's inputs, for recipes that see no samples.</summary>
    public static readonly Option<double[]?> InputRange = new("--input-range")
    {
        Description = "Least and greatest value of the model's input, as in -2.1,2.6, for recipes that work without samples.",
        HelpName = "min,max",
        CustomParser = result =>
        {
            string text = result.Tokens[0].Value;
            double[] ends = [.. text.Split(',').Select(part => double.TryParse(part, NumberStyles.Float, CultureInfo.InvariantCulture, out double end) ? end : double.NaN)];
            if (ends is [var min, var max] && min < max && double.IsFinite(min) && double.IsFinite(max))
            {
                return ends;
            }

            result.AddError($"--input-range takes two numbers with a comma between, the smaller first, as in -1,1; not '{text}'.");
            return null;
        },
    };

    /// <summary>Weight bits.</summary>
    public static readonly Option<int?> WeightBits = Bits("--weight-bits", "Bits of weights in place of the recipe's, 1 to 16.");

    /// <summary>Activation bits.</summary>
    public static readonly Option<int?> ActivationBits = Bits("--activation-bits", "Bits of activations in place of the recipe's, 1 to 16.");

    /// <summary>Output names to input names.</summary>
    public static readonly Option<string[]> State = new("--state")
    {
        Description = "A state that a recurrent model carries from sample to sample, as output=input; may be given more than once.",
        HelpName = "output=input",
    };

    /// <summary>Targets of samples, for regression and images.</summary>
    public static readonly Option<string?> Targets = new("--targets")
    {
        Description = "What the model should give: a CSV or NPY file, or images paired with the inputs by name.",
        HelpName = "path",
    };

    /// <summary>The options that say what the samples are.</summary>
    public static IEnumerable<Option> OfData => [CommonOptions.Data, CommonOptions.Labels, CommonOptions.Preprocess, Measure, Targets, State, CommonOptions.Samples, CommonOptions.Seed];

    /// <summary>The options that say how to quantize.</summary>
    public static IEnumerable<Option> OfRecipe => [CommonOptions.Recipe, CommonOptions.Target, Range, WeightBits, ActivationBits, KeepFloat, InputRange, CommonOptions.Threads, CommonOptions.Memory];

    /// <summary>The recipe, with what the command line changes in it.</summary>
    /// <exception cref="ArgumentException">It is not valid.</exception>
    public static Recipe ReadRecipe(ParseResult options, string standard = "ort-int8")
    {
        Recipe recipe = RecipeFile.Find(options.GetValue(CommonOptions.Recipe) ?? standard);
        recipe = recipe with
        {
            Target = options.GetValue(CommonOptions.Target) ?? recipe.Target,
            KeepFloat = [.. recipe.KeepFloat, .. (options.GetValue(KeepFloat) ?? []).Select(name => new KeepFloat { Name = name, Reason = "--keep-float" })],
        };
        if (options.GetValue(Range) is { } range)
        {
            (string method, JsonElement given) = MethodText.Split(range);
            recipe = recipe with { Activations = recipe.Activations with { Range = method, Options = given.EnumerateObject().Any() ? given : null } };
        }

        if (options.GetValue(WeightBits) is { } weightBits)
        {
            recipe = recipe with { Weights = recipe.Weights with { Bits = weightBits } };
        }

        if (options.GetValue(ActivationBits) is { } activationBits)
        {
            recipe = recipe with { Activations = recipe.Activations with { Bits = activationBits } };
        }

        if (options.GetValue(InputRange) is { } ends)
        {
            recipe = recipe with { Activations = recipe.Activations with { InputRange = [.. ends] } };
        }

        // written and read again, so that what the command line changed is checked as a file would be, ids included
        recipe = RecipeFile.Parse(RecipeFile.Write(recipe), recipe.Name);
        return options.GetValue(CommonOptions.Target) is { } id && options.GetValue(CommonOptions.Recipe) is null && options.GetValue(ActivationBits) is null
            ? ForTarget(recipe, TargetList.Find(id)) : recipe;
    }

    /// <summary>What --data names, for the commands that cannot do without.</summary>
    /// <exception cref="UsageException">It is not given.</exception>
    public static string RequiredData(ParseResult options, string why) =>
        options.GetValue(CommonOptions.Data) ?? throw new UsageException($"{why}: give --data.");

    /// <summary>Calibration and measured samples; null without --data.</summary>
    /// <exception cref="DataException">They cannot be read, or do not fit the model.</exception>
    public static DataSplit? ReadData(ParseResult options, Model model)
    {
        if (options.GetValue(CommonOptions.Data) is not { } path)
        {
            return null;
        }

        DataOptions reading = Reading(options, model);
        if (options.GetValue(Measure) is not { } measured || Path.GetFullPath(measured) == Path.GetFullPath(path))
        {
            return DataSets.OpenSplit(path, model.Graph.Inputs, reading);
        }

        return new DataSplit(DataSets.OpenCalibration(path, model.Graph.Inputs, reading with { Targets = null, Labels = null }), DataSets.Open(measured, model.Graph.Inputs, reading));
    }

    /// <summary>How samples are read.</summary>
    public static DataOptions Reading(ParseResult options, Model model) => new()
    {
        Preprocessing = options.GetValue(CommonOptions.Preprocess) is { } text ? Preprocessing.Parse(text) : null,
        Labels = options.GetValue(CommonOptions.Labels),
        Targets = options.GetValue(Targets),
        Seed = options.GetValue(CommonOptions.Seed),
        StateLinks = (options.GetValue(State) ?? []).Select(text => Link(text, model.Graph)).ToImmutableDictionary(l => l.Output, l => l.Input),
    };

    /// <summary>What the quantizer is told.</summary>
    public static QuantizerOptions ForQuantizer(ParseResult options, DataSplit? data, ProofOptions proof, Action<string> tell, IProgress<(int, int)>? progress = null) => new()
    {
        Calibration = new CalibrationOptions
        {
            Samples = options.GetValue(CommonOptions.Samples) ?? new CalibrationOptions().Samples,
            Memory = options.GetValue(CommonOptions.Memory),
            Threads = options.GetValue(CommonOptions.Threads),
            Progress = progress,
        },
        Proof = proof,
        Measured = data?.Measured,
        Seed = options.GetValue(CommonOptions.Seed),
        Tell = tell,
    };

    private static Option<int?> Bits(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "bits",
        CustomParser = result => CommonOptions.Whole(result, 1, 16),
    };

    // a target named without a recipe decides types and symmetry, which the standard recipe names for x64
    private static Recipe ForTarget(Recipe recipe, Target target) => recipe with
    {
        Activations = recipe.Activations with { Bits = null, Signed = null, Symmetric = null },
        Weights = recipe.Weights with { Bits = recipe.Weights.Bits is 8 ? null : recipe.Weights.Bits, Signed = null, Narrow = null, Granularity = null },
        Target = target.Id,
    };

    private static (string Output, string Input) Link(string text, Graph graph)
    {
        if (text.Split('=') is not [{ Length: > 0 } output, { Length: > 0 } input])
        {
            throw new UsageException($"--state wants output=input, not '{text}'.");
        }

        Require(graph.Outputs, output, "output");
        Require(graph.Inputs, input, "input");
        return (output, input);

        static void Require(IReadOnlyList<ValueInfo> values, string name, string kind)
        {
            if (values.All(v => v.Name != name))
            {
                throw new DataException($"--state names '{name}', which is no {kind} of the model. Did you mean '{Spelling.Nearest(name, values.Select(v => v.Name))}'?");
            }
        }
    }

    /// <summary>A number as the tables show it.</summary>
    public static string Number(double value, int digits) =>
        double.IsPositiveInfinity(value) ? "exact" : value.ToString("F" + digits.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
}
