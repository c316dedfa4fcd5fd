using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Halftone.Data;
using Halftone.Data.Metrics;
using Halftone.Onnx;
using Halftone.OnnxRuntime;

namespace Halftone.Cli;

/// <summary>Says on stderr where samples, as they are prepared, do not seem to be what the model was trained on.</summary>
/// <remarks>With classes the float model itself decides: it is run under every usual preprocessing on the same samples, and one that is clearly righter is named.</remarks>
internal static class PreprocessAdvice
{
    private const int Most = 96; // samples
    private const int Fewest = 24;
    private const double Seconds = 5; // about so long may the trials take

    /// <summary>Looks at the samples that will be measured, and warns.</summary>
    public static void Give(Model model, ParseResult options, Terminal terminal, CancellationToken cancel)
    {
        string? path = options.GetValue(QuantizeOptions.Measure) ?? options.GetValue(CommonOptions.Data);
        DataOptions reading = QuantizeOptions.Reading(options, model);
        if (path is null || terminal.Verbosity is Verbosity.Quiet)
        {
            return;
        }

        IDataSet data = DataSets.Open(path, model.Graph.Inputs, reading with { Limit = Most });
        string? better = model.Graph.Outputs.Count == 1 && Fitting(data) is { } input ? Tried(model, path, reading, input, cancel) : null;
        if (better is not null)
        {
            terminal.Warn(better);
        }
        else if (!data.HasLabels && reading.Preprocessing is null)
        {
            // labels have judged already, and what is asked for by name is meant
            foreach (PreprocessFinding finding in PreprocessCheck.Inspect(data, model.Graph.Inputs, Most, cancel).Findings.Where(f => !f.IsError))
            {
                terminal.Warn(finding.Message);
            }
        }
    }

    // one float input, one output and classes: what can be tried and judged
    private static ValueInfo? Fitting(IDataSet data) =>
        data is { HasLabels: true, StateLinks.IsEmpty: true, Inputs: [{ Type: ElementType.Float } only] } ? only : null;

    private static string? Tried(Model model, string path, DataOptions reading, ValueInfo input, CancellationToken cancel)
    {
        Preprocessing current = reading.Preprocessing ?? new();
        var candidates = PreprocessCheck.Candidates(current, input);
        using OrtSession session = OrtSession.Load(model);
        long classes = 2;
        long start = Stopwatch.GetTimestamp();
        IReadOnlyList<double> first = Scores(current, Fewest);
        double each = Stopwatch.GetElapsedTime(start).TotalSeconds;
        int samples = (int)Math.Clamp(Fewest * Seconds / Math.Max(each * candidates.Length, 1e-6), Fewest, Most);
        if (first.Count < 2)
        {
            return null;
        }

        PreprocessComparison found = PreprocessCheck.Compare(current, candidates, steps => Scores(steps, samples), labelled: true, cancel);
        return found.Better is { } better ? $"{found.Message} Give --preprocess {Written(better)}, or check the labels."
            : Guesses(found.Ranked.First(c => c.Preprocessing == current).Score, samples, classes);

        IReadOnlyList<double> Scores(Preprocessing steps, int count)
        {
            IDataSet data = DataSets.Open(path, model.Graph.Inputs, reading with { Preprocessing = steps, Limit = count });
            IMeasurement measurement = MetricList.All.Read("top-1").Start();
            List<double> scores = [];
            foreach ((Sample sample, IReadOnlyDictionary<string, Tensor> outputs) in Batches.Of(data, null, 16, new SkippedFiles(1), cancel).SelectMany(b => b.Split(session.Run(b.Inputs, null, cancel))))
            {
                scores.Add(measurement.Add(sample, outputs));
                classes = outputs.Values.First().Count;
            }

            return scores;
        }
    }

    // right so seldom that guessing would do as well: within two standard deviations
    private static string? Guesses(double share, int samples, long classes)
    {
        double chance = 1.0 / Math.Max(classes, 2);
        return share * samples > (chance * samples) + (2 * Math.Sqrt(samples * chance * (1 - chance))) ? null
            : string.Create(CultureInfo.InvariantCulture, $"The float model is right on {100 * share:F1} % of {samples} samples, no more than guessing: preprocessing or labels do not fit it.");
    }

    // as --preprocess takes it: a preset's name and words where one fits
    private static string Written(Preprocessing steps)
    {
        (string Name, Preprocessing Value) preset = Preprocessing.Presets.FirstOrDefault(p => p.Value.Scale == steps.Scale && p.Value.Mean.SequenceEqual(steps.Mean) && p.Value.Deviation.SequenceEqual(steps.Deviation));
        if (preset.Name is null)
        {
            return $"a file with {steps.ToJson()}";
        }

        List<string> words = [preset.Name];
        words.AddRange(steps.Resize switch
        {
            ResizeMode.Stretch => ["stretch"],
            ResizeMode.ShortSideThenCentreCrop => [steps.ShortSide is int side ? string.Create(CultureInfo.InvariantCulture, $"short-side={side}") : "short-side"],
            ResizeMode.FitHeightPadRight => ["fit-height"],
            _ => (string[])[],
        });
        if (steps is { Height: int height, Width: int width })
        {
            words.Add(string.Create(CultureInfo.InvariantCulture, $"{height}x{width}"));
        }

        ColourOrder? colours = steps.Colours ?? (preset.Value.Colours is null ? null : ColourOrder.Rgb);
        words.AddRange(((string?[])[colours == preset.Value.Colours ? null : colours?.ToString(), steps.Layout?.ToString()]).OfType<string>().Select(w => w.ToLowerInvariant()));
        return string.Join(',', words);
    }
}
