using System.Collections.Immutable;
using System.Globalization;
using Halftone.Data.Metrics;
using Halftone.Onnx;

namespace Halftone.Data;

/// <summary>What the samples put into an input.</summary>
/// <param name="Input">The input.</param>
/// <param name="Least">Least value.</param>
/// <param name="Most">Greatest value.</param>
/// <param name="Means">Mean of each channel (one where the input has no channels).</param>
/// <param name="Deviations">Standard deviation of each channel.</param>
public sealed record InputFacts(string Input, double Least, double Most, ImmutableArray<double> Means, ImmutableArray<double> Deviations);

/// <summary>What is wrong or looks wrong.</summary>
/// <param name="IsError">Whether the model cannot run so; a warning otherwise.</param>
/// <param name="Message">One sentence.</param>
public sealed record PreprocessFinding(bool IsError, string Message);

/// <summary>What a look at prepared samples found.</summary>
/// <param name="Facts">Of every float input.</param>
/// <param name="Findings">Errors and warnings.</param>
public sealed record PreprocessReport(ImmutableArray<InputFacts> Facts, ImmutableArray<PreprocessFinding> Findings);

/// <summary>A preprocessing that was tried.</summary>
/// <param name="Preprocessing">It.</param>
/// <param name="Score">Mean score of the samples.</param>
/// <param name="Gain">Mean of score minus the current one's, sample by sample.</param>
/// <param name="StandardError">Of the gain.</param>
public sealed record PreprocessCandidate(Preprocessing Preprocessing, double Score, double Gain, double StandardError);

/// <summary>Candidates by falling score.</summary>
/// <param name="Current">The one in use.</param>
/// <param name="Ranked">All that could be run, the best first.</param>
/// <param name="Better">The best, if its gain is over three standard errors and over 2 points; null if the current one holds.</param>
/// <param name="Message">One sentence that says which.</param>
public sealed record PreprocessComparison(Preprocessing Current, ImmutableArray<PreprocessCandidate> Ranked, Preprocessing? Better, string Message);

/// <summary>Finds preprocessings that do not fit a model.</summary>
/// <remarks>Shapes and types are facts. That a range, layout or channel order is wrong cannot be seen from the data alone: <see cref="Compare"/> runs the model under other preprocessings and lets its score decide.</remarks>
public static class PreprocessCheck
{
    private const double Sure = 3; // standard errors
    private const double LeastGain = 0.02; // below that the choice is not what is wrong

    /// <summary>Looks at the first samples: do they fit the inputs, and what values do they hold?</summary>
    /// <param name="data">Prepared samples.</param>
    /// <param name="inputs">What the model takes.</param>
    /// <param name="samples">How many to look at.</param>
    /// <param name="cancel">Ends the look.</param>
    public static PreprocessReport Inspect(IDataSet data, IReadOnlyList<ValueInfo> inputs, int samples = 64, CancellationToken cancel = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(samples);
        List<PreprocessFinding> findings = [];
        Dictionary<string, ChannelMoments> moments = [];
        for (int i = 0; i < Math.Min(samples, data.Count); i++)
        {
            cancel.ThrowIfCancellationRequested();
            Sample sample;
            try
            {
                sample = data.Read(i);
            }
            catch (DataException error)
            {
                Note(findings, new PreprocessFinding(true, error.Message));
                continue;
            }

            foreach (ValueInfo input in inputs)
            {
                if (!sample.Inputs.TryGetValue(input.Name, out Tensor? tensor))
                {
                    Note(findings, new PreprocessFinding(true, $"The input '{input.Name}' {InputShape.Text(input)} gets nothing from '{sample.Name}'."));
                }
                else if (InputShape.Misfit(input, tensor, sample.Name) is { } misfit)
                {
                    Note(findings, new PreprocessFinding(true, misfit));
                }
                else if (tensor.Type is ElementType.Float or ElementType.Float16 or ElementType.Double && tensor.Count > 0 && !data.StateLinks.ContainsValue(input.Name))
                {
                    moments.TryAdd(input.Name, new ChannelMoments(input, tensor));
                    moments[input.Name].Add(tensor);
                }
            }
        }

        findings.AddRange(moments.Values.Select(m => m.Warning()).OfType<string>().Select(w => new PreprocessFinding(false, w)));
        return new PreprocessReport([.. moments.Values.Select(m => m.Facts())], [.. findings]);
    }

    /// <summary>The preprocessings worth trying instead of one: every preset's values, the other channel order, and the other layout where the model leaves its lengths open.</summary>
    public static ImmutableArray<Preprocessing> Candidates(Preprocessing current, ValueInfo input)
    {
        bool colour = input.Dims is null || (input.Dims.Count == 4 && (input.Dims[1] is 3 or null || input.Dims[3] is 3));
        Layout?[] layouts = input.Dims is null || (input.Dims.Count == 4 && input.Dims[1] is null && input.Dims[3] is null) ? [current.Layout, Layout.Nchw, Layout.Nhwc] : [current.Layout];
        ColourOrder?[] orders = !colour ? [current.Colours] : current.Colours is null ? [null, ColourOrder.Bgr] : [ColourOrder.Rgb, ColourOrder.Bgr]; // none said is RGB
        var values = Preprocessing.Presets.Select(p => p.Value)
            .Where(p => colour || p.Mean.Length <= 1)
            .Prepend(current);
        return
        [
            .. from value in values
               from order in orders
               from layout in layouts
               select current with { Scale = value.Scale, Mean = value.Mean, Deviation = value.Deviation, Colours = order, Layout = layout },
        ];
    }

    /// <summary>Scores candidates on the same samples and says whether one is clearly better than the current.</summary>
    /// <remarks>With labels let the score be 1 for right and 0 for wrong. Without, the greatest softmax probability of a sample is a hint only: larger inputs make many networks surer, right or wrong.</remarks>
    /// <param name="current">The preprocessing in use.</param>
    /// <param name="candidates">Others, as from <see cref="Candidates"/>; those equal to the current are tried once.</param>
    /// <param name="scores">Runs the model under a preprocessing and gives a score 0..1 for each of the same samples, in the same order; a <see cref="DataException"/> leaves the candidate out.</param>
    /// <param name="labelled">Whether the scores come from labels; only words the message.</param>
    /// <param name="cancel">Ends the comparison.</param>
    /// <exception cref="ArgumentException">Two runs give different numbers of scores, or fewer than two.</exception>
    public static PreprocessComparison Compare(
        Preprocessing current, IEnumerable<Preprocessing> candidates, Func<Preprocessing, IReadOnlyList<double>> scores, bool labelled, CancellationToken cancel = default)
    {
        IReadOnlyList<double> own = scores(current);
        List<PreprocessCandidate> ranked = [Candidate(current, own, own)];
        foreach (Preprocessing candidate in candidates.Where(c => !Same(c, current)).DistinctBy(c => c.ToJson()))
        {
            cancel.ThrowIfCancellationRequested();
            try
            {
                ranked.Add(Candidate(candidate, own, scores(candidate)));
            }
            catch (DataException)
            {
                // it does not fit the model at all, so it is none
            }
        }

        ranked = [.. ranked.OrderByDescending(c => c.Score)]; // stable: of equals the current stays first
        PreprocessCandidate best = ranked[0];
        bool better = best.Gain > LeastGain && best.Gain > Sure * best.StandardError;
        string what = labelled ? "accuracy" : "confidence";
        string message = better
            ? string.Create(CultureInfo.InvariantCulture, $"The preprocessing '{current}' gives {what} {own.Average():P1}, but '{best.Preprocessing}' gives {best.Score:P1} on the same {own.Count} samples{(labelled ? "" : "; without labels this is a hint, not a proof")}.")
            : string.Create(CultureInfo.InvariantCulture, $"No other preprocessing is clearly better than '{current}' ({what} {own.Average():P1} on {own.Count} samples).");
        return new PreprocessComparison(current, [.. ranked], better ? best.Preprocessing : null, message);
    }

    private static bool Same(Preprocessing a, Preprocessing b) =>
        a == b || a with { Colours = a.Colours ?? ColourOrder.Rgb } == b with { Colours = b.Colours ?? ColourOrder.Rgb };

    private static PreprocessCandidate Candidate(Preprocessing preprocessing, IReadOnlyList<double> own, IReadOnlyList<double> scores)
    {
        if (scores.Count != own.Count || own.Count < 2)
        {
            throw new ArgumentException($"The runs give {own.Count} and {scores.Count} scores; give one for each of the same samples, at least 2.", nameof(scores));
        }

        var paired = new PairedDifference();
        for (int i = 0; i < own.Count; i++)
        {
            paired.Add(own[i], scores[i]);
        }

        return new PreprocessCandidate(preprocessing, scores.Average(), paired.Mean, paired.StandardError);
    }

    private static void Note(List<PreprocessFinding> findings, PreprocessFinding finding)
    {
        // the first few tell the story; a thousand files with one fault do not tell it better
        if (findings.Count < 8)
        {
            findings.Add(finding);
        }
    }
}
