using System.Globalization;
using Halftone.PostTraining;
using Spectre.Console;

namespace Halftone.Cli;

/// <summary>An outcome as a few lines on the terminal.</summary>
internal static class OutcomeText
{
    /// <summary>Writes them.</summary>
    public static void Show(Outcome outcome, IAnsiConsole console, string path, string report)
    {
        Grid grid = new Grid().AddColumn(new GridColumn().NoWrap()).AddColumn();
        void Line(string name, string value) => grid.AddRow(new Text(name), new Text(value));
        Line("model", $"{outcome.Float.File}, {Quantity.Count(outcome.Float.Parameters)} parameters" + (outcome.Float.Macs > 0 ? $", {Quantity.Count(outcome.Float.Macs)} multiply-accumulates" : ""));
        Line("recipe", $"{outcome.Recipe.Name} for {outcome.Target}");
        if (outcome.Calibration is { } calibration)
        {
            Line("calibrated", string.Create(CultureInfo.InvariantCulture, $"on {calibration.Samples} samples of {calibration.Data} in {calibration.Milliseconds / 1000:F1} s"));
        }

        if (outcome.RangeMethod.Length > 0)
        {
            string trials = string.Join(", ", outcome.RangeTrials.Select(t => $"{t.Method} {QuantizeOptions.Number(t.Sqnr, 1)} dB"));
            Line("ranges", trials.Length > 0 ? $"{outcome.RangeMethod} ({trials})" : $"{outcome.RangeMethod}, without samples");
        }

        if (outcome.Fusion.Length > 0)
        {
            Line("kernels", string.Create(CultureInfo.InvariantCulture, $"{outcome.Fusion.Count(f => f.Fused)} of {outcome.Fusion.Length} nodes run in integers, {100 * outcome.FusedMacs:F1} % of the multiply-accumulates"));
        }

        foreach (var missed in outcome.Fusion.Where(f => !f.Fused).GroupBy(f => f.Why).Take(3))
        {
            Line("", $"{missed.Count()} in float: {missed.Key} ({string.Join(", ", missed.Take(3).Select(m => m.Node))}{(missed.Count() > 3 ? ", ..." : "")})");
        }

        foreach (AccuracyEntry a in outcome.Accuracy)
        {
            Line("accuracy", string.Create(CultureInfo.InvariantCulture, $"{a.Metric} {a.Float:F2} -> {a.Quantized:F2} ({a.Difference:+0.00;-0.00} +- {a.StandardError:F2}, {a.Samples} samples)"));
        }

        if (outcome.Agreement is { } agreement)
        {
            Line("outputs", $"SQNR {QuantizeOptions.Number(agreement.Sqnr, 1)} dB{(agreement.ArgmaxAgreement is { } same ? $", same largest output on {QuantizeOptions.Number(100 * same, 1)} % of" : " on")} {agreement.Samples} samples");
        }

        if (outcome.Latency is { } latency)
        {
            Line("speed", string.Create(CultureInfo.InvariantCulture, $"{latency.Float:F3} -> {latency.Quantized:F3} ms, {latency.Ratio:F2} times (90 %: {latency.RatioLow:F2} to {latency.RatioHigh:F2}), {latency.Threads} threads"));
        }

        if (outcome.Engine is { } engine)
        {
            Line("engine", Engine(engine));
        }

        Line("size", string.Create(CultureInfo.InvariantCulture, $"{Quantity.Size(outcome.Float.Bytes)} -> {Quantity.Size(outcome.Quantized.Bytes)} ({(double)outcome.Float.Bytes / outcome.Quantized.Bytes:F2} times smaller)"));
        if (outcome.CodedBytes is { } coded)
        {
            Line("coded", string.Create(CultureInfo.InvariantCulture, $"{Quantity.Size(coded)} as 'halftone pack' writes it ({(double)outcome.Float.Bytes / coded:F2} times smaller)"));
        }

        foreach (string warning in outcome.Warnings)
        {
            Line("mind", warning);
        }

        foreach (string action in outcome.NextActions)
        {
            Line("next", action);
        }

        Line(outcome.Status is OutcomeStatus.Failed ? "set aside" : "wrote", $"{path}, {report}");
        string verdict = outcome.Status switch
        {
            OutcomeStatus.Good => "good",
            OutcomeStatus.GoalMissed => "goal missed",
            _ => "failed",
        };
        Line(verdict, outcome.Reason);
        console.Write(grid);
    }

    private static string Engine(EngineEntry engine)
    {
        if (engine.Obstacle.Length > 0)
        {
            return $"does not run in Halftone's engine: {engine.Obstacle}";
        }

        string speed = engine.Latency is { } l
            ? string.Create(CultureInfo.InvariantCulture, $"{l.OnnxRuntime:F3} ms in ONNX Runtime, {l.Engine:F3} ms in Halftone's engine, {l.Ratio:F2} times (90 %: {l.RatioLow:F2} to {l.RatioHigh:F2}), {engine.Tier}; ") : $"{engine.Tier}; ";
        string same = engine.Outputs.Min(o => o.ArgmaxAgreement) is { } agreement ? $", same largest output on {QuantizeOptions.Number(100 * agreement, 1)} % of" : " on";
        return engine.Outputs.MaxBy(o => o.Relative) is not { } worst ? $"{speed}no float output to compare"
            : worst.Largest == 0 ? $"{speed}outputs are those of ONNX Runtime, bit by bit, on {engine.Samples} samples"
            : string.Create(CultureInfo.InvariantCulture, $"{speed}outputs differ by up to {(worst.Steps is { } steps ? $"{Math.Round(steps, 2)} steps" : $"{100 * worst.Relative:G2} % of the largest")}{same} {engine.Samples} samples");
    }
}
