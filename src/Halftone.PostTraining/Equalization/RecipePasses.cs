using Halftone.Data;
using Halftone.Onnx;
using Halftone.Onnx.Passes;
using Halftone.Onnx.Targets;
using Halftone.PostTraining.Calibration;
using Halftone.PostTraining.Plans;
using Halftone.PostTraining.Recipes;

namespace Halftone.PostTraining.Equalization;

/// <summary>Runs a recipe's rewrites and passes, which may look at samples.</summary>
internal static class RecipePasses
{
    /// <summary>The rewrites of one stage, in the recipe's order.</summary>
    /// <returns>Whether anything changed.</returns>
    public static bool Rewrite(Graph graph, Recipe recipe, RewriteStage stage, PassContext context)
    {
        bool changed = false;
        foreach (ILayerRewrite rewrite in recipe.Rewrites.Select(r => r.From(LayerRewrites.All)).Where(r => r.Stage == stage))
        {
            changed |= rewrite.Apply(graph, context);
        }

        return changed;
    }

    /// <summary>What follows <see cref="StandardPasses"/>.</summary>
    /// <param name="prepared">After these.</param>
    /// <param name="recipe">Names rewrites and passes.</param>
    /// <param name="target">Where it will run.</param>
    /// <param name="sample">One sample, or zeros of its lengths.</param>
    /// <param name="data">Samples; null for none.</param>
    /// <param name="options">Memory and threads.</param>
    /// <param name="cancel">Stops at once.</param>
    public static Preparation Run(
        Preparation prepared, Recipe recipe, Target target, IReadOnlyDictionary<string, Tensor>? sample, IDataSet? data, CalibrationOptions options, CancellationToken cancel)
    {
        Graph graph = prepared.Model.Graph;
        var context = new PassContext
        {
            BatchNorm = prepared.Passes.BatchNorm,
            ChannelRanges = data is null ? null : axes => LearnedRanges.Of(prepared.Model, axes, prepared.Values, data, options, cancel),
            LayerInputs = data is null ? null : sites => LayerInputs.SecondMoments(prepared.Model, sites, prepared.Values, data, options, cancel).Found,
            Lengths = value => prepared.Values.TryGetValue(value, out ObservedValue? seen) ? seen.Dims : null,
            WeightTarget = site => PlanBuilder.TargetOf(graph, target, recipe, site),
        };
        bool changed = Rewrite(graph, recipe, RewriteStage.BeforePasses, context);
        foreach (MethodStep pass in recipe.Passes)
        {
            changed |= pass.From(EqualizationPasses.All).Apply(graph, context);
        }

        changed |= Rewrite(graph, recipe, RewriteStage.AfterPasses, context);
        prepared.Passes.Log.AddRange(context.Log);
        return changed && sample is not null ? prepared with { Values = Calibrator.Observe(prepared.Model, sample, cancel) } : prepared; // a pass may have added values
    }
}
