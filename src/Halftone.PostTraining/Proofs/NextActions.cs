using System.Collections.Immutable;
using System.Globalization;

namespace Halftone.PostTraining.Proofs;

/// <summary>Turns what an outcome shows into what to try, most promising first.</summary>
internal static class NextActions
{
    public static ImmutableArray<string> For(Outcome outcome)
    {
        List<string> actions = [];
        if (outcome.Status is not OutcomeStatus.Good)
        {
            actions.Add("halftone sensitivity ranks the nodes by their damage and says what keeping each in float costs");
            actions.Add("halftone tune tries range methods and keeps the worst nodes float until the goal is met");
        }

        if (outcome.Layers.Length > 1 && Cliff(outcome.Layers) is { } cliff)
        {
            actions.Add(string.Create(CultureInfo.InvariantCulture, $"the error jumps at {cliff.Op} '{cliff.Node}' ({cliff.Sqnr:F1} dB): try keepFloat for it in the recipe"));
        }

        if (outcome.Calibration is { Samples: < 32 } few)
        {
            actions.Add($"only {few.Samples} samples calibrated: give 100 or more");
        }

        if (outcome.Latency is { RatioHigh: < 1 })
        {
            FusionEntry? largest = outcome.Fusion.Where(f => !f.Fused).MaxBy(f => f.Macs);
            actions.Add(largest is null ? "all nodes run in integers: a network this small may gain nothing, or this processor has no fast int8 kernels: see halftone doctor" : $"the largest node that did not fuse is {largest.Op} '{largest.Node}': {largest.Why}");
        }

        return [.. actions];
    }

    // where the SQNR falls most from one value to the next, if it falls by half the decibels or 6 dB
    private static LayerEntry? Cliff(ImmutableArray<LayerEntry> layers)
    {
        (double Fall, LayerEntry? Layer) worst = (6, null);
        for (int i = 1; i < layers.Length; i++)
        {
            double fall = layers[i - 1].Sqnr - layers[i].Sqnr;
            if (fall > worst.Fall && layers[i].Sqnr < 20)
            {
                worst = (fall, layers[i]);
            }
        }

        return worst.Layer;
    }
}
