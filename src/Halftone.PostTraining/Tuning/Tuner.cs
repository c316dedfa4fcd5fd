using System.Collections.Immutable;
using System.Diagnostics;
using System.Security.Cryptography;
using System.Text.Json;
using Halftone.Data;
using Halftone.Onnx;
using Halftone.PostTraining.Calibration;
using Halftone.PostTraining.Plans;
using Halftone.PostTraining.Proofs;
using Halftone.PostTraining.Recipes;
using Halftone.PostTraining.Sensitivity;

namespace Halftone.PostTraining.Tuning;

/// <summary>How to tune.</summary>
public sealed record TunerOptions
{
    /// <summary>How much of the metric may be lost, in its own unit (points, for top-1).</summary>
    public double MaxDrop { get; init; } = 0.5;

    /// <summary>Time for trials; the first is made whatever it takes.</summary>
    public TimeSpan Budget { get; init; } = TimeSpan.FromMinutes(20);

    /// <summary>Nodes kept float more at each step: 0 doubles (1, 2, 4, ...), 1 is IntelCaffe's loop of one layer at a time.</summary>
    public int Step { get; init; }

    /// <summary>Whether the worst nodes are tried with 16-bit activations before they go back to float.</summary>
    public bool Wide { get; init; }

    /// <summary>Told after every trial.</summary>
    public IProgress<Trial>? Progress { get; init; }
}

/// <summary>One model tried.</summary>
/// <param name="Key">What was tried; a resumed run knows it again by this.</param>
/// <param name="Metric">Its accuracy.</param>
/// <param name="Drop">What is lost against float; negative is a gain.</param>
/// <param name="FloatNodes">Nodes kept float for it.</param>
/// <param name="FloatMacs">Share of the multiply-accumulates that run in float.</param>
/// <param name="Bytes">Of the model.</param>
/// <param name="Seconds">Since the start.</param>
/// <param name="Best">Whether it was the best so far.</param>
public sealed record Trial(string Key, double Metric, double Drop, ImmutableArray<string> FloatNodes, double FloatMacs, long Bytes, double Seconds, bool Best);

/// <summary>What tuning came to.</summary>
/// <param name="Trials">All, those of earlier runs included.</param>
/// <param name="Best">The best.</param>
/// <param name="GoalMet">Whether it loses no more than allowed.</param>
/// <param name="FloatMetric">Of the float model.</param>
/// <param name="ModelPath">Where the best model lies.</param>
/// <param name="Plan">Its plan.</param>
public sealed record TuningResult(ImmutableArray<Trial> Trials, Trial Best, bool GoalMet, double FloatMetric, string ModelPath, QuantizationPlan Plan);

/// <summary>
/// Searches for the cheapest model that loses no more than allowed: range methods first, then the worst nodes, ranked by their damage, back to float.
/// The best model so far and its recipe are on disk after every trial, next to a journal that a later run goes on from.
/// </summary>
public sealed class Tuner
{
    private readonly QuantizationJob _job;
    private readonly AccuracyGoal _goal;
    private readonly TunerOptions _options;
    private readonly string _folder;
    private readonly long _start = Stopwatch.GetTimestamp();
    private readonly List<Trial> _trials = [];
    private double _float;
    private QuantizationPlan _bestPlan = QuantizationPlan.Empty;

    private Tuner(QuantizationJob job, AccuracyGoal goal, TunerOptions options, string folder) =>
        (_job, _goal, _options, _folder) = (job, goal, options, folder);

    private string Journal => Path.Combine(_folder, "trials.jsonl");

    private string BestPath => Path.Combine(_folder, "best.onnx");

    private Trial? Best => _trials.LastOrDefault(t => t.Best);

    // a resumed run first comes past the best of the earlier ones, to know its plan again
    private bool IsOver => _bestPlan != QuantizationPlan.Empty && (Best!.Drop <= _options.MaxDrop || Stopwatch.GetElapsedTime(_start) > _options.Budget);

    /// <summary>Tunes.</summary>
    /// <param name="job">Calibrated.</param>
    /// <param name="goal">The metric, on labelled samples apart from those that calibrated.</param>
    /// <param name="options">Goal and time.</param>
    /// <param name="folder">Where models and journal go; made where missing.</param>
    /// <param name="cancel">Stops at once; the best so far stays.</param>
    /// <exception cref="DataException">The folder holds the trials of another model, recipe or data, or a damaged journal.</exception>
    public static TuningResult Run(QuantizationJob job, AccuracyGoal goal, TunerOptions options, string folder, CancellationToken cancel = default)
    {
        Directory.CreateDirectory(folder);
        var tuner = new Tuner(job, goal, options, folder);
        tuner.Resume();
        tuner._float = goal.Measure(job.Prepared.Original, cancel).Value;
        tuner.Search(cancel);
        Trial best = tuner.Best!;
        return new TuningResult([.. tuner._trials], best, best.Drop <= options.MaxDrop, tuner._float, tuner.BestPath, tuner._bestPlan);
    }

    private void Search(CancellationToken cancel)
    {
        ImmutableArray<RangeCandidate> candidates = RangeSelection.Try(_job.Builder, _job.Recipe, _job.Run!, cancel: cancel);
        foreach (RangeCandidate candidate in candidates)
        {
            Try($"range={candidate.Method}", candidate.Plan, [], cancel);
            if (IsOver)
            {
                return;
            }
        }

        RangeCandidate start = candidates.First(c => Best!.Key.StartsWith($"range={c.Method}", StringComparison.Ordinal));
        DemoteWorst(start, cancel);
    }

    private void DemoteWorst(RangeCandidate start, CancellationToken cancel)
    {
        Graph graph = _job.Prepared.Model.Graph;
        ImmutableArray<NodeSensitivity> ranked = SensitivityAnalysis.Rank(_job, start.Plan, cancel: cancel);
        for (int count = 1; count <= ranked.Length; count = _options.Step > 0 ? count + _options.Step : Math.Min(2 * count, Math.Max(ranked.Length, count + 1)))
        {
            QuantizationPlan plan = start.Plan;
            ImmutableArray<string> names = [.. ranked.Take(count).Select(r => r.Node)];
            if (_options.Wide)
            {
                Try($"range={start.Method} wide={count}", WideEdges.Of(_job, start.Plan, names), [], cancel);
                if (IsOver)
                {
                    return;
                }
            }

            foreach (string name in names)
            {
                plan = plan.WithoutNode(graph, graph.Nodes.First(n => n.Name == name), "tuning keeps it float: it is among the nodes that hurt most");
            }

            Try($"range={start.Method} float={count}", plan, names, cancel);
            if (IsOver)
            {
                return;
            }
        }
    }

    private void Try(string key, QuantizationPlan plan, ImmutableArray<string> floatNodes, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        if (_trials.FirstOrDefault(t => t.Key == key) is { } done)
        {
            _bestPlan = done == Best ? plan : _bestPlan;
            return; // tried in an earlier run
        }

        Model model = _job.Lower(plan);
        double metric = _goal.Measure(model, cancel).Value;
        double drop = _goal.HigherIsBetter ? _float - metric : metric - _float;
        Graph graph = _job.Prepared.Model.Graph;
        long all = Math.Max(1, graph.Nodes.Sum(n => Macs.Of(graph, n, _job.Prepared.Values)));
        long inFloat = graph.Nodes.Where(n => plan.KeptFloat.ContainsKey(n.Name)).Sum(n => Macs.Of(graph, n, _job.Prepared.Values));
        var trial = new Trial(key, metric, drop, floatNodes, (double)inFloat / all, model.ToBytes().LongLength, Stopwatch.GetElapsedTime(_start).TotalSeconds, Best: false);
        trial = trial with { Best = Best is not { } best || Better(trial, best) };
        if (trial.Best)
        {
            // the model first: a journal line must never speak of a model that is not there
            model.Save(BestPath);
            _bestPlan = plan;
            AtomicFile.WriteText(Path.Combine(_folder, "recipe.json"), RecipeFile.Write(RecipeOf(key, floatNodes)));
        }

        _trials.Add(trial);
        File.AppendAllText(Journal, JsonSerializer.Serialize(trial, JsonSerializerOptions.Web) + "\n");
        _options.Progress?.Report(trial);
    }

    // within the goal the one with less float arithmetic wins, outside it the more accurate
    private bool Better(Trial trial, Trial best)
    {
        bool met = trial.Drop <= _options.MaxDrop;
        bool bestMet = best.Drop <= _options.MaxDrop;
        return met != bestMet ? met : met ? trial.FloatMacs < best.FloatMacs || (trial.FloatMacs == best.FloatMacs && trial.Drop < best.Drop) : trial.Drop < best.Drop;
    }

    private Recipe RecipeOf(string key, ImmutableArray<string> floatNodes)
    {
        string method = key.Split(' ')[0]["range=".Length..];
        return _job.Recipe with
        {
            Name = _job.Recipe.Name + "-tuned",
            Target = _job.Target.Id,
            Activations = _job.Recipe.Activations with { Range = method, Options = method == _job.Recipe.Activations.Range ? _job.Recipe.Activations.Options : null },
            KeepFloat = [.. _job.Recipe.KeepFloat, .. floatNodes.Select(n => new KeepFloat { Name = $"^{System.Text.RegularExpressions.Regex.Escape(n)}$", Reason = "tuning keeps it float: it is among the nodes that hurt most" })],
        };
    }

    private void Resume()
    {
        string mark = Path.Combine(_folder, "tuning.txt");
        string of = Fingerprint();
        if (File.Exists(Journal) && File.Exists(BestPath))
        {
            if (!File.Exists(mark) || File.ReadAllText(mark) != of)
            {
                throw new DataException($"'{_folder}' holds the trials of another model, recipe, metric or data. Give another folder, or remove this one to start anew.");
            }

            ReadTrials();
        }

        AtomicFile.WriteText(mark, of);
    }

    private void ReadTrials()
    {
        string[] lines = File.ReadAllLines(Journal);
        foreach (string line in lines)
        {
            try
            {
                _trials.Add(JsonSerializer.Deserialize<Trial>(line, JsonSerializerOptions.Web) ?? throw new JsonException());
            }
            catch (JsonException) when (_trials.Count == lines.Length - 1)
            {
                // the last line was being written when its run was killed; that trial is made again
                AtomicFile.WriteText(Journal, string.Concat(lines[..^1].Select(l => l + "\n")));
            }
            catch (JsonException error)
            {
                throw new DataException($"'{Journal}' is damaged at line {_trials.Count + 1}. Remove the folder to start anew.", error);
            }
        }
    }

    // what a trial's key does not say: model, recipe, metric and samples
    private string Fingerprint()
    {
        Model model = _job.Prepared.Original;
        using Stream bytes = File.Exists(model.Path) ? File.OpenRead(model.Path) : new MemoryStream(model.ToBytes());
        return string.Join('\n', Convert.ToHexString(SHA256.HashData(bytes)), RecipeFile.Write(_job.Recipe), _job.Target.Id, _goal.Metric, _goal.Samples, _job.Data?.Description, _options.Step, _options.Wide, "");
    }
}
