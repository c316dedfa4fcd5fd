using System.Collections.Immutable;
using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using Halftone.Data;
using Halftone.Formats;
using Halftone.Onnx;
using Halftone.Onnx.Targets;
using Halftone.PostTraining.Proofs;
using Halftone.PostTraining.Recipes;
using Halftone.PostTraining.Sensitivity;

namespace Halftone.PostTraining.Leaderboards;

/// <summary>How far a leaderboard has come.</summary>
/// <param name="Result">All rows so far.</param>
/// <param name="Row">The newest.</param>
/// <param name="Done">Candidates that have a row.</param>
/// <param name="Taken">Whether the row is an earlier run's.</param>
/// <param name="Left">Time the others will take, if each takes as long as those of this run did.</param>
public sealed record LeaderboardProgress(LeaderboardResult Result, LeaderboardRow Row, int Done, bool Taken, TimeSpan Left);

/// <summary>
/// Many recipes on one model, each as 'quantize' would do it: prepared and calibrated once for all that want the same preparation, the float model measured once, one
/// model in memory at a time. A recipe that breaks is a row, and the others go on. Finished rows are journaled, so that an interrupted run goes on where it was.
/// </summary>
public sealed class Leaderboard
{
    private readonly Model _model;
    private readonly IDataSet _data;
    private readonly QuantizerOptions _options;
    private readonly AccuracyGoal? _goal;
    private readonly Baseline? _baseline;
    private readonly LeaderboardJournal _journal;
    private readonly string _subject;
    private readonly Action<LeaderboardProgress>? _progress;
    private readonly CancellationToken _cancel;
    private readonly List<LeaderboardRow> _rows = [];
    private LeaderboardResult _result;
    private TimeSpan _spent;
    private int _made;

    private Leaderboard(Model model, IDataSet data, QuantizerOptions options, string folder, int candidates, Action<LeaderboardProgress>? progress, CancellationToken cancel)
    {
        (_model, _data, _options, _progress, _cancel) = (model, data, options, progress, cancel);
        Directory.CreateDirectory(folder);
        _journal = new LeaderboardJournal(Path.Combine(folder, "rows.jsonl"));
        _goal = options.Measured is { } measured && AccuracyGoal.Fits(measured, options.Proof.Metric) ? AccuracyGoal.Of(measured, options.Proof.Metric, options.Calibration.Threads) : null;
        options.Tell?.Invoke("measuring the float model");
        _baseline = _goal?.Measured(model, cancel);
        PackedModel? packed = SizeLedger.Pack(model, cancel);
        (string hash, long bytes) = ModelFactsOf.HashAndLength(model);
        // the first word: rows that were journaled before they had an engine are made again
        _subject = string.Join('\n', nameof(LeaderboardRow.EngineAgreement), hash, SampleHash.Of(data, options.Calibration, cancel), _baseline?.Samples, _goal?.Metric, options.Proof.LatencyBudget, options.Calibration.Samples, options.Seed, typeof(Leaderboard).Assembly.GetName().Version);
        _result = new LeaderboardResult
        {
            Model = Path.GetFileName(model.Path) ?? "model.onnx",
            DeployedBytes = bytes,
            CodedBytes = packed?.Bytes.Length,
            Calibrated = data.Description,
            Measured = _goal?.Samples ?? "",
            Samples = _baseline?.Scores.Length ?? 0,
            Metric = _goal?.Metric ?? "",
            Unit = _goal?.Unit ?? "",
            HigherIsBetter = _goal?.HigherIsBetter ?? true,
            Float = _baseline?.Value?.Value,
            FloatLow = Known(_baseline?.Value?.Low),
            FloatHigh = Known(_baseline?.Value?.High),
            Environment = MachineFacts.Describe(),
            Candidates = candidates,
        };
    }

    /// <summary>Runs the candidates.</summary>
    /// <param name="model">The float model.</param>
    /// <param name="candidates">What to try; names differ.</param>
    /// <param name="data">Samples to calibrate with.</param>
    /// <param name="options">Measured samples, metric, latency budget, threads, memory.</param>
    /// <param name="folder">Where the journal goes; made where missing.</param>
    /// <param name="progress">Told after every row.</param>
    /// <param name="cancel">Stops at once; finished rows stay.</param>
    /// <exception cref="DataException">The samples do not fit the model, or the journal is damaged.</exception>
    public static LeaderboardResult Run(
        Model model, ImmutableArray<LeaderboardCandidate> candidates, IDataSet data, QuantizerOptions options, string folder, Action<LeaderboardProgress>? progress = null, CancellationToken cancel = default)
    {
        var board = new Leaderboard(model, data, options, folder, candidates.Length, progress, cancel);
        foreach (var group in candidates.GroupBy(c => c.Misfit is null ? board.Preparation(c.Recipe) : ""))
        {
            board.Run([.. group]);
        }

        return board._result;
    }

    // those who want the same preparation, one after another; the job of the first that can be started serves all
    private void Run(LeaderboardCandidate[] group)
    {
        QuantizationJob? job = null;
        try
        {
            foreach (LeaderboardCandidate candidate in group)
            {
                _cancel.ThrowIfCancellationRequested();
                string key = Hash(_subject, candidate.Name, RecipeFile.Write(candidate.Recipe), candidate.Misfit ?? "");
                if (_journal.Find(key) is { } finished)
                {
                    Tell(finished, taken: true);
                    continue;
                }

                long start = Stopwatch.GetTimestamp();
                LeaderboardRow row = Row(candidate, ref job);
                _spent += Stopwatch.GetElapsedTime(start);
                _made++;
                _journal.Add(key, row);
                Tell(row, taken: false);
            }
        }
        finally
        {
            job?.Dispose();
        }
    }

    private LeaderboardRow Row(LeaderboardCandidate candidate, ref QuantizationJob? job)
    {
        Recipe recipe = candidate.Recipe;
        Target target = _options.Target ?? TargetList.Find(recipe.Target);
        var row = new LeaderboardRow
        {
            Name = candidate.Name,
            Recipe = recipe.Name,
            Status = LeaderboardStatus.Skipped,
            Reason = candidate.Misfit ?? "",
            WeightBits = recipe.Mode is RecipeMode.Float16 ? 16 : recipe.Weights.Bits ?? target.WeightCodes.Bits,
            ActivationBits = recipe.Mode switch
            {
                RecipeMode.Static => recipe.Activations.Bits ?? target.ActivationCodes.Bits,
                RecipeMode.Dynamic => 8,
                _ => null,
            },
        };
        if (candidate.Misfit is not null)
        {
            return row;
        }

        try
        {
            job ??= QuantizationJob.Start(_model, recipe, _data, _options with { Measured = null }, _cancel);
            return Measured(row, job, recipe);
        }
        catch (Exception error) when (!_cancel.IsCancellationRequested)
        {
            // what does not go with the model is said by these; whatever else it is, it must not stop the others
            bool misfit = error is ModelException or DataException or ArgumentException or NotSupportedException;
            return row with { Status = misfit ? LeaderboardStatus.Skipped : LeaderboardStatus.Failed, Reason = misfit ? error.Message : $"{error.GetType().Name}: {error.Message}" };
        }
    }

    private LeaderboardRow Measured(LeaderboardRow row, QuantizationJob job, Recipe recipe)
    {
        long start = Stopwatch.GetTimestamp();
        QuantizationJob own = job.Variant(recipe, _cancel);
        (QuantizationPlan plan, Model quantized) = own.Solve(_cancel);
        (own, plan, quantized) = SensitivityFloor.Reach(own, plan, quantized, _cancel);
        row = row with { Seconds = Stopwatch.GetElapsedTime(start).TotalSeconds, Sha256 = ModelFactsOf.HashAndLength(quantized).Hash };
        if (_rows.FirstOrDefault(r => r.Sha256 == row.Sha256 && r.Status is LeaderboardStatus.Measured) is { } same)
        {
            return row with { Status = LeaderboardStatus.Skipped, Reason = $"it gives the same model as '{same.Name}'" };
        }

        Outcome outcome = Proof.Of(own, plan, quantized, own.Options with { Proof = own.Options.Proof with { Details = false } }, _cancel);
        if (outcome.Agreement is null)
        {
            return row with { Status = LeaderboardStatus.Failed, Reason = outcome.Reason };
        }

        AccuracyEntry? accuracy = _goal?.Compare(_baseline!, quantized, _cancel);
        return row with
        {
            Status = LeaderboardStatus.Measured,
            Reason = outcome.Status is OutcomeStatus.Failed ? outcome.Reason : "",
            StoredBits = StoredBits(plan),
            Metric = accuracy?.Quantized,
            Difference = accuracy?.Difference,
            StandardError = accuracy?.StandardError,
            Sqnr = outcome.Agreement.Sqnr,
            DeployedBytes = outcome.Quantized.Bytes,
            CodedBytes = outcome.CodedBytes,
            FusedMacs = outcome.FusedMacs,
            Speed = outcome.Latency?.Ratio,
            SpeedLow = outcome.Latency?.RatioLow,
            SpeedHigh = outcome.Latency?.RatioHigh,
            EngineAgreement = outcome.Engine!.Outputs.Min(o => o.ArgmaxAgreement),
            EngineDifference = outcome.Engine.Outputs.Max(o => (double?)o.Relative),
            EngineSpeed = outcome.Engine.Latency?.Ratio,
            EngineObstacle = outcome.Engine.Obstacle,
        };
    }

    private static double? StoredBits(QuantizationPlan plan)
    {
        QuantizedTensor[] weights = [.. plan.Weights.Values.Distinct(ReferenceEqualityComparer.Instance).Cast<QuantizedTensor>()];
        long count = weights.Sum(w => (long)w.Count);
        return count > 0 ? weights.Sum(w => (double)w.StorageBits) / count : null;
    }

    private void Tell(LeaderboardRow row, bool taken)
    {
        _rows.Add(row);
        _result = _result with { Rows = Sorted(_rows) };
        TimeSpan left = _made == 0 ? TimeSpan.Zero : (_result.Candidates - _rows.Count) * (_spent / _made);
        _progress?.Invoke(new LeaderboardProgress(_result, row, _rows.Count, taken, left));
    }

    // by the metric, or without one by the outputs; of equals the smaller first
    private ImmutableArray<LeaderboardRow> Sorted(IEnumerable<LeaderboardRow> rows) =>
    [
        .. rows.OrderBy(r => r.Status)
            .ThenByDescending(r => (_result.HigherIsBetter ? r.Metric : -r.Metric) ?? r.Sqnr ?? double.NegativeInfinity)
            .ThenBy(r => r.CodedBytes ?? r.DeployedBytes),
    ];

    // recipes share a job where it would be made the same way; of rewrites anything may count
    private string Preparation(Recipe recipe)
    {
        Target target = _options.Target ?? TargetList.Find(recipe.Target);
        Recipe part = recipe.Rewrites.IsEmpty ? new Recipe { Name = "part", Target = target.Id, Passes = recipe.Passes } : recipe;
        return $"{PostTraining.Preparation.RequiredOpset(recipe, target)} {RecipeFile.Write(part)}";
    }

    private static double? Known(double? value) => value is { } v && double.IsFinite(v) ? v : null;

    private static string Hash(params string[] parts) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\0', parts))));
}
