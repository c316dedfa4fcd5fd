using System.Collections.Immutable;
using System.Globalization;
using Halftone.Data;
using Halftone.Onnx;
using Halftone.OnnxRuntime;
using Halftone.PostTraining.Calibration;
using Halftone.Weights;

namespace Halftone.PostTraining.Proofs;

/// <summary>What is found out about a result before anybody says "saved": it loads, what fused, how near its outputs are, how fast it is, and how plain min/max would have done.</summary>
public static class Proof
{
    /// <summary>The outcome of a job.</summary>
    public static Outcome Of(QuantizationJob job, QuantizationPlan plan, Model quantized, QuantizerOptions options, CancellationToken cancel = default)
    {
        Outcome outcome = Facts(job, plan, quantized, options, cancel);
        OrtSession session;
        try
        {
            session = OrtSession.Load(quantized, new OrtOptions { Threads = options.Calibration.Threads });
        }
        catch (ModelException error)
        {
            return outcome with { Status = OutcomeStatus.Failed, Reason = $"ONNX Runtime does not load the result: {error.Message}" };
        }

        using (session)
        {
            FusionReport fusion = FusionReport.Of(quantized, job.Prepared.Values.ToDictionary(v => v.Key, v => v.Value.Dims.ToArray()));
            outcome = outcome with
            {
                Fusion = [.. fusion.Nodes.Select(n => new FusionEntry(n.Node, n.Op, n.MultiplyAdds, n.Fused, n.Kernel, n.Obstacle ?? ""))],
                FusedNodes = fusion.NodeShare,
                FusedMacs = fusion.MacShare,
            };
            if (job.Run is null || job.Data is null)
            {
                string[] blind = job.Builder.WeightMethod.Needs is LayerStatisticsNeeds.None ? [] : [$"weights were rounded without knowing their inputs: give --data for the whole of '{job.Recipe.Weights.Method}'"];
                return outcome with { Reason = "it loads; without --data nothing else was compared", Warnings = [.. outcome.Warnings, .. blind, "outputs were not compared: no data was given"] };
            }

            outcome = Compare(job, session, outcome, cancel);
        }

        outcome = Accuracy(job, quantized, options, outcome, cancel);
        outcome = Time(job, quantized, options, outcome, cancel);
        outcome = options.Proof.Engine ? outcome with { Engine = EngineProof.Of(job, quantized, options, cancel) } : outcome;
        outcome = Details(job, plan, quantized, options, outcome, cancel);
        outcome = outcome with { Warnings = [.. outcome.Warnings, .. DataWarnings(job)] };
        if (Verdict.Collapse(outcome.Agreement!, outcome.Canary) is not { } collapse)
        {
            return Judge(outcome, options.Proof);
        }

        // a failure is measured whole, too: by how much, and where, is what its reader needs most
        Outcome failed = outcome with { Status = OutcomeStatus.Failed, Reason = collapse };
        return failed with { NextActions = NextActions.For(failed) };
    }

    private static Outcome Facts(QuantizationJob job, QuantizationPlan plan, Model quantized, QuantizerOptions options, CancellationToken cancel)
    {
        PackedModel? packed = SizeLedger.Pack(quantized, cancel);
        return Facts(job, plan, quantized, options) with
        {
            CodedBytes = packed?.Bytes.Length,
            Sizes = SizeLedger.Of(job.Prepared.Original, quantized, packed, plan, job.Prepared.Model.Graph),
        };
    }

    private static Outcome Facts(QuantizationJob job, QuantizationPlan plan, Model quantized, QuantizerOptions options) => new()
    {
        Status = OutcomeStatus.Good,
        Reason = "it loads",
        Float = ModelFactsOf.Float(job),
        Quantized = ModelFactsOf.Quantized(job, quantized),
        Recipe = job.Recipe,
        Target = job.Target.Id,
        RangeMethod = job.Candidates.IsEmpty ? "" : job.Candidates[0].Method,
        RangeTrials = [.. job.Candidates.Where(t => t.Agreement is not null).Select(t => new RangeTrial(t.Method, t.Agreement!.Sqnr, t.Agreement.ArgmaxAgreement))],
        KeptFloat = plan.KeptFloat,
        Calibration = job.Calibration is not { } c ? null : new CalibrationEntry(job.Data!.Description, c.Samples, c.Batches, c.Groups, job.CalibrationTime.TotalMilliseconds, c.BytesPerSample, c.Skipped),
        Passes = [.. job.Prepared.Passes.Log],
        Environment = MachineFacts.Describe(),
        Seed = options.Seed,
    };

    private static Outcome Compare(QuantizationJob job, OrtSession session, Outcome outcome, CancellationToken cancel)
    {
        RangeCandidate? canary = job.Candidates.FirstOrDefault(c => c.Method == "min-max");
        return outcome with
        {
            Agreement = job.Run!.Compare(session, cancel),
            Canary = canary?.Agreement,
        };
    }

    private static Outcome Details(QuantizationJob job, QuantizationPlan plan, Model quantized, QuantizerOptions options, Outcome outcome, CancellationToken cancel) =>
        options.Proof.Details ? outcome with { Layers = LayerErrors.Of(job, quantized, cancel), Edges = EdgeEntries.Of(job, plan) } : outcome;

    private static Outcome Accuracy(QuantizationJob job, Model quantized, QuantizerOptions options, Outcome outcome, CancellationToken cancel)
    {
        if (options.Measured is not { } measured || !AccuracyGoal.Fits(measured, options.Proof.Metric))
        {
            return outcome;
        }

        ImmutableArray<ValueInfo> outputs = [.. job.Prepared.Original.Graph.Outputs];
        if (options.Proof.Metric is null && measured.HasLabels && outputs.Length > 1)
        {
            string which = string.Join(", ", outputs.Select(o => $"'{o.Name}'"));
            return outcome with { Warnings = [.. outcome.Warnings, $"accuracy was not measured: the model has {outputs.Length} outputs ({which}); name a metric and its output, such as --metric top-1:output={outputs[0].Name}"] };
        }

        options.Tell?.Invoke($"measuring accuracy on {measured.Count} samples");
        var goal = AccuracyGoal.Of(measured, options.Proof.Metric, options.Calibration.Threads);
        List<AccuracyEntry> entries = [goal.Compare(job.Prepared.Original, quantized, cancel)];
        if (options.Proof.Metric is null && measured.HasLabels && measured.ClassNames.Length > 20)
        {
            entries.Add(AccuracyGoal.Of(measured, "top-5", options.Calibration.Threads).Compare(job.Prepared.Original, quantized, cancel));
        }

        var left = goal.Skipped.All;
        return outcome with
        {
            Accuracy = [.. entries],
            Warnings = left.IsEmpty ? outcome.Warnings : [.. outcome.Warnings, $"{left.Length} measured samples could not be read and were left out: {string.Join(" ", left.Take(3).Select(s => s.Reason))}"],
        };
    }

    private static Outcome Time(QuantizationJob job, Model quantized, QuantizerOptions options, Outcome outcome, CancellationToken cancel)
    {
        if (options.Proof.LatencyBudget <= TimeSpan.Zero)
        {
            return outcome;
        }

        options.Tell?.Invoke("timing float and quantized in turns");
        int threads = options.Calibration.Threads;
        IReadOnlyDictionary<string, Tensor> inputs = Batches.Of(job.Data!, null, 1, new SkippedFiles(), cancel).First().Inputs;
        LatencyComparison latency = Latency.Compare(job.Prepared.Original, quantized, inputs, new LatencyOptions { Threads = threads, Budget = options.Proof.LatencyBudget }, cancel);
        var before = OpProfile.Of(job.Prepared.Original, inputs, threads, cancel: cancel).Ops.GroupBy(o => o.Op).ToDictionary(g => g.Key, g => g.Sum(o => o.Microseconds) / 1000);
        var after = OpProfile.Of(quantized, inputs, threads, cancel: cancel).Ops.GroupBy(o => o.Op).ToDictionary(g => g.Key, g => g.Sum(o => o.Microseconds) / 1000);
        return outcome with
        {
            Latency = new LatencyEntry(latency.FloatMilliseconds, latency.QuantizedMilliseconds, latency.Ratio, latency.RatioLow, latency.RatioHigh, latency.Rounds, threads),
            OperatorTimes = [.. before.Keys.Union(after.Keys).Select(op => new OperatorTime(op, before.GetValueOrDefault(op), after.GetValueOrDefault(op))).OrderByDescending(t => t.Float + t.Quantized)],
        };
    }

    private static IEnumerable<string> DataWarnings(QuantizationJob job)
    {
        if (job.Calibration is { Skipped.Length: > 0 } calibration)
        {
            yield return $"{calibration.Skipped.Length} calibration files could not be read and were left out: {string.Join(", ", calibration.Skipped.Take(3))}";
        }

        foreach ((string edge, long count) in job.Calibration?.NonFinite.Take(3) ?? [])
        {
            yield return $"the value '{edge}' was NaN or infinite {count} times while calibrating; these are in no range";
        }

        if (!job.RoundedAlone.IsEmpty)
        {
            yield return $"the weights of {job.RoundedAlone.Length} nodes were rounded without knowing their inputs, which takes more than the memory limit: {string.Join(", ", job.RoundedAlone.Take(3))}";
        }

        foreach (string note in job.Notes)
        {
            yield return note;
        }

        if (job.Calibration is { Groups: > 1 } grouped)
        {
            yield return $"the values of one batch exceed the memory limit, so each batch ran {grouped.Groups} times";
        }
    }

    private static Outcome Judge(Outcome outcome, ProofOptions options)
    {
        List<string> warnings = [.. outcome.Warnings];
        string? missed = null;
        if (outcome.Latency is { RatioHigh: < 1 } slow)
        {
            string text = string.Create(CultureInfo.InvariantCulture, $"slower than float: {slow.Float:F3} ms became {slow.Quantized:F3} ms ({slow.Ratio:F2} times, 90 % interval {slow.RatioLow:F2} to {slow.RatioHigh:F2})");
            warnings.Add(text);
            missed = options.RequireFaster ? text : null;
        }

        AccuracyEntry? lost = options.MaxDrop is { } most ? outcome.Accuracy.FirstOrDefault(a => (a.HigherIsBetter ? -a.Difference : a.Difference) > most) : null;
        if (lost is not null)
        {
            missed = string.Create(CultureInfo.InvariantCulture, $"{lost.Metric} went from {lost.Float:F2} to {lost.Quantized:F2}, which loses more than the {options.MaxDrop} allowed");
        }

        string good = outcome.Accuracy.FirstOrDefault() is { } accuracy
            ? string.Create(CultureInfo.InvariantCulture, $"it loads; {accuracy.Metric} {accuracy.Quantized:F2} against {accuracy.Float:F2} in float, output SQNR {outcome.Agreement!.Sqnr:F1} dB")
            : string.Create(CultureInfo.InvariantCulture, $"it loads; output SQNR {outcome.Agreement!.Sqnr:F1} dB{(outcome.Agreement.ArgmaxAgreement is { } same ? $", same largest output on {(100 * same).ToString("F1", CultureInfo.InvariantCulture)} % of" : " on")} {outcome.Agreement.Samples} samples");
        Outcome judged = outcome with
        {
            Status = missed is null ? OutcomeStatus.Good : OutcomeStatus.GoalMissed,
            Reason = missed ?? good,
            Warnings = [.. warnings],
        };
        return judged with { NextActions = NextActions.For(judged) };
    }
}
