using System.Collections.Immutable;
using System.Diagnostics;
using Halftone.Onnx;
using Halftone.PostTraining.Calibration;
using Halftone.PostTraining.Correction;
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

/// <summary>What tuning came to.</summary>
/// <param name="Trials">All, those of earlier runs included.</param>
/// <param name="Best">The best.</param>
/// <param name="GoalMet">Whether it loses no more than allowed.</param>
/// <param name="FloatMetric">Of the float model.</param>
/// <param name="ModelPath">Where the best model lies.</param>
/// <param name="Plan">Its plan.</param>
public sealed record TuningResult(ImmutableArray<Trial> Trials, Trial Best, bool GoalMet, double FloatMetric, string ModelPath, QuantizationPlan Plan);

/// <summary>
/// Searches for the cheapest model that loses no more than allowed: range methods first, then corrections of the best, then the worst nodes, ranked by
/// their damage, at 16 bits or back to float. Every trial is a recipe, and the model is what that recipe makes. The best model so far and its recipe
/// are on disk after every trial, next to a journal that a later run goes on from.
/// </summary>
public sealed class Tuner
{
    private readonly QuantizationJob _job;
    private readonly AccuracyGoal _goal;
    private readonly TunerOptions _options;
    private readonly string _folder;
    private readonly TrialJournal _journal;
    private readonly long _start = Stopwatch.GetTimestamp();
    private readonly List<Trial> _trials = [];
    private readonly CancellationToken _cancel;
    private double _float;
    private Trial? _best;
    private QuantizationPlan? _bestPlan;

    private Tuner(QuantizationJob job, AccuracyGoal goal, TunerOptions options, string folder, CancellationToken cancel)
    {
        (_job, _goal, _options, _folder, _cancel) = (job, goal, options, folder, cancel);
        _journal = new TrialJournal(Path.Combine(folder, "trials.jsonl"));
    }

    private string BestPath => Path.Combine(_folder, "best.onnx");

    private TimeSpan Left => _options.Budget - Stopwatch.GetElapsedTime(_start);

    private bool GoalMet => _best is not null && _best.Drop <= _options.MaxDrop;

    private bool Done => GoalMet || (_best is not null && Left <= TimeSpan.Zero);

    /// <summary>Tunes.</summary>
    /// <param name="job">Calibrated.</param>
    /// <param name="goal">The metric, on labelled samples apart from those that calibrated.</param>
    /// <param name="options">Goal and time.</param>
    /// <param name="folder">Where models and journal go; made where missing.</param>
    /// <param name="cancel">Stops at once; the best so far stays.</param>
    /// <exception cref="Data.DataException">The folder holds trials of something else.</exception>
    public static TuningResult Run(QuantizationJob job, AccuracyGoal goal, TunerOptions options, string folder, CancellationToken cancel = default)
    {
        Directory.CreateDirectory(folder);
        var tuner = new Tuner(job, goal, options, folder, cancel);
        tuner._float = goal.Measure(job.Prepared.Original, cancel).Value;
        tuner.Resume();
        if (!tuner.Done)
        {
            tuner.Search();
        }

        return tuner.Result();
    }

    private void Search()
    {
        ImmutableArray<(string Method, QuantizationPlan Plan)> candidates = Candidates();
        foreach ((string method, QuantizationPlan _) in candidates)
        {
            Try(method, [], [], []);
            if (Done)
            {
                return;
            }
        }

        string range = _best!.Range;
        foreach (MethodStep correction in _job.Recipe.Mode is not RecipeMode.Static ? [] : _job.Recipe.Corrections.IsEmpty ? [BiasCorrection.Info.Id] : _job.Recipe.Corrections)
        {
            Try(range, [correction], [], []);
            if (Done)
            {
                return;
            }
        }

        if (Rank(candidates.First(c => c.Method == range).Plan) is { } ranked)
        {
            DemoteWorst(range, _best.Corrections, ranked);
        }
    }

    // the most promising first, a mixture under the name that a recipe has for it; without static activations there is no range to choose
    private ImmutableArray<(string Method, QuantizationPlan Plan)> Candidates() => _job.Recipe.Mode is RecipeMode.Static
        ? [.. RangeSelection.Try(_job.Builder, _job.Recipe, _job.Run!, cancel: _cancel).Select(c => (c.Method is RangeSelection.Mixed ? "auto" : c.Method, c.Plan))]
        : [(_job.Recipe.Activations.Range, _job.Builder.BuildWeights(_job.Recipe.Mode is RecipeMode.Dynamic, _cancel))];

    // null where the time runs out before the ranking is done
    private ImmutableArray<string>? Rank(QuantizationPlan plan)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(_cancel);
        limit.CancelAfter(Left < TimeSpan.Zero ? TimeSpan.Zero : Left < TimeSpan.FromDays(1) ? Left : TimeSpan.FromDays(1));
        try
        {
            return [.. SensitivityAnalysis.Rank(_job, plan, cancel: limit.Token).Select(n => n.Node)];
        }
        catch (OperationCanceledException) when (!_cancel.IsCancellationRequested)
        {
            return null;
        }
    }

    private void DemoteWorst(string range, ImmutableArray<MethodStep> corrections, ImmutableArray<string> ranked)
    {
        for (int count = 1; count <= ranked.Length; count = _options.Step > 0 ? count + _options.Step : Math.Min(2 * count, Math.Max(ranked.Length, count + 1)))
        {
            ImmutableArray<string> worst = ranked[..count];
            if (_options.Wide)
            {
                Try(range, corrections, worst, []);
                if (Done)
                {
                    return;
                }
            }

            Try(range, corrections, [], worst);
            if (Done)
            {
                return;
            }
        }
    }

    private void Try(string range, ImmutableArray<MethodStep> corrections, ImmutableArray<string> wide, ImmutableArray<string> kept)
    {
        _cancel.ThrowIfCancellationRequested();
        var trial = new Trial(range, corrections, wide, kept, 0, 0, 0, 0, 0, Best: false);
        if (_trials.Any(t => t.Key == trial.Key))
        {
            return; // made by an earlier run
        }

        (QuantizationPlan Plan, Model Model)? made = Make(trial);
        if (made is not var (plan, model))
        {
            return;
        }

        double metric = _goal.Measure(model, _cancel).Value;
        trial = trial with
        {
            Metric = metric,
            Drop = _goal.HigherIsBetter ? _float - metric : metric - _float,
            FloatMacs = FloatShare(plan),
            Bytes = model.ToBytes().LongLength,
            Seconds = Stopwatch.GetElapsedTime(_start).TotalSeconds,
        };
        trial = trial with { Best = _best is null || Better(trial, _best) };
        if (trial.Best)
        {
            // the model first: a journal line must never speak of a model that is not there
            Save(trial, model);
            (_best, _bestPlan) = (trial, plan);
        }

        _trials.Add(trial);
        _journal.Add(trial);
        _options.Progress?.Report(trial);
    }

    // null where nothing would be left to quantize
    private (QuantizationPlan Plan, Model Model)? Make(Trial trial)
    {
        QuantizationJob variant = _job.Variant(trial.Of(_job.Recipe, _job.Target.Id), _cancel);
        return variant.Placement.Nodes.IsEmpty ? null : variant.Solve(_cancel);
    }

    private void Save(Trial trial, Model model)
    {
        model.Save(BestPath);
        WholeFile.WriteText(Path.Combine(_folder, "recipe.json"), RecipeFile.Write(trial.Of(_job.Recipe, _job.Target.Id)));
    }

    private double FloatShare(QuantizationPlan plan)
    {
        Graph graph = _job.Prepared.Model.Graph;
        long all = Math.Max(1, graph.Nodes.Sum(n => Macs.Of(graph, n, _job.Prepared.Values)));
        return (double)graph.Nodes.Where(n => plan.KeptFloat.ContainsKey(n.Name)).Sum(n => Macs.Of(graph, n, _job.Prepared.Values)) / all;
    }

    // within the goal the one with less float arithmetic wins, outside it the more accurate
    private bool Better(Trial trial, Trial best)
    {
        bool met = trial.Drop <= _options.MaxDrop;
        bool bestMet = best.Drop <= _options.MaxDrop;
        return met != bestMet ? met : met ? trial.FloatMacs < best.FloatMacs || (trial.FloatMacs == best.FloatMacs && trial.Drop < best.Drop) : trial.Drop < best.Drop;
    }

    private void Resume()
    {
        foreach (Trial trial in _journal.Open(TuningSubject.Of(_job, _goal.Metric, _float)))
        {
            _trials.Add(trial);
            _best = _best is null || Better(trial, _best) ? trial : _best;
        }

        // with another goal than before another trial may be the best, and the file may be gone
        if (_best is not null && (_trials.FindLast(t => t.Best) != _best || !File.Exists(BestPath)) && Make(_best) is var (plan, model))
        {
            Save(_best, model);
            _bestPlan = plan;
        }
    }

    private TuningResult Result()
    {
        Trial best = _best ?? throw new ModelException("No trial could be made: nothing in the model can be quantized.");
        _bestPlan ??= Make(best)!.Value.Plan;
        return new TuningResult([.. _trials], best, GoalMet, _float, BestPath, _bestPlan);
    }
}
