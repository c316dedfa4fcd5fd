using System.Collections.Immutable;
using System.Globalization;
using System.Text.RegularExpressions;
using Halftone.Onnx;
using Halftone.PostTraining.Calibration;
using Halftone.PostTraining.Recipes;

namespace Halftone.PostTraining.Sensitivity;

/// <summary>Keeps the nodes that hurt most float where the outputs would stray too far otherwise (<see cref="Recipe.LeastSqnr"/>).</summary>
internal static class SensitivityFloor
{
    private const double EnoughAgreement = 0.9; // of the largest output: a classifier may do well with noisy outputs

    /// <summary>The job whose recipe keeps as few nodes float, in the order of their damage (1, 2, 4, ...), as reach the floor; the job itself where none is asked for, needed or enough.</summary>
    public static (QuantizationJob Job, QuantizationPlan Plan, Model Quantized) Reach(QuantizationJob job, QuantizationPlan plan, Model quantized, CancellationToken cancel)
    {
        if (job.Recipe.LeastSqnr is not { } least || job.Run is not { } run)
        {
            return (job, plan, quantized);
        }

        Agreement now = run.Compare(quantized, cancel);
        if (now.Sqnr >= least || now.ArgmaxAgreement >= EnoughAgreement)
        {
            return (job, plan, quantized);
        }

        job.Options.Tell?.Invoke("looking for the nodes that hurt most");
        ImmutableArray<NodeSensitivity> ranked = SensitivityAnalysis.Rank(job, plan, apart: false, cancel: cancel);
        string range = job.Candidates.FirstOrDefault(c => c.Method is not RangeSelection.Mixed)?.Method ?? job.Recipe.Activations.Range;
        for (int count = 1; count < ranked.Length; count *= 2)
        {
            string reason = string.Create(CultureInfo.InvariantCulture, $"among the {count} that hurt most: with all in integers the outputs have an SQNR of {now.Sqnr:F1} dB, and the recipe asks for {least:F0}");
            QuantizationJob variant = job.Variant(
                job.Recipe with
                {
                    Activations = job.Recipe.Activations with { Range = range },
                    KeepFloat = [.. job.Recipe.KeepFloat, .. ranked[..count].Select(n => new KeepFloat { Name = $"^{Regex.Escape(n.Node)}$", Reason = reason })],
                }, cancel);
            if (variant.Placement.Nodes.IsEmpty)
            {
                break;
            }

            (QuantizationPlan tried, Model model) = variant.Solve(cancel);
            if (run.Compare(model, cancel).Sqnr >= least)
            {
                return (variant, tried, model);
            }
        }

        return (job, plan, quantized);
    }
}
