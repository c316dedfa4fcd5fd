using System.Collections.Immutable;
using Halftone.Onnx;
using Halftone.Onnx.Export;
using Halftone.Onnx.Opsets;
using Halftone.Onnx.Passes;
using Halftone.Onnx.Targets;
using Halftone.PostTraining.Calibration;
using Halftone.PostTraining.Equalization;
using Halftone.PostTraining.Recipes;

namespace Halftone.PostTraining;

/// <summary>A model made ready: brought to an opset that can express what is wanted, passes applied, types and lengths learned from a sample.</summary>
public sealed record Preparation
{
    /// <summary>The model as it came.</summary>
    public required Model Original { get; init; }

    /// <summary>The model after the passes; it computes the same.</summary>
    public required Model Model { get; init; }

    /// <summary>What the passes did and left behind.</summary>
    public required PassContext Passes { get; init; }

    /// <summary>What every value was when a sample ran; empty without data.</summary>
    public required IReadOnlyDictionary<string, ObservedValue> Values { get; init; }

    /// <summary>Makes a model ready.</summary>
    /// <param name="model">Left as it is.</param>
    /// <param name="recipe">Decides the opset.</param>
    /// <param name="target">Decides the opset.</param>
    /// <param name="sample">One input of the model.</param>
    /// <param name="minimumOpset">Brings the model to at least this opset.</param>
    /// <param name="cancel">Stops it.</param>
    /// <exception cref="ModelException">An operator cannot be brought to the opset, or the model does not run on the sample.</exception>
    public static Preparation Of(Model model, Recipe recipe, Target target, IReadOnlyDictionary<string, Tensor>? sample, int minimumOpset = 0, CancellationToken cancel = default)
    {
        if (FormatConversion.Detect(model) is not (ModelFormat.Float or ModelFormat.Float16) and ModelFormat format)
        {
            throw new ModelException($"The model is quantized already, in the format {format}. Give the float model, or bring this one back with 'halftone convert --to float'.");
        }

        RefuseBrokenWeights(model.Graph);
        RequirePositiveCodes(recipe, target);
        Model ready = model.Clone();
        OpsetUpgrade.To(ready, Math.Max(Math.Max(model.Opset, minimumOpset), RequiredOpset(recipe, target)));
        var context = new PassContext();
        RecipePasses.Rewrite(ready.Graph, recipe, RewriteStage.Original, context);
        StandardPasses.Apply(ready, context);
        return new Preparation
        {
            Original = model,
            Model = ready,
            Passes = context,
            Values = sample is null ? ImmutableDictionary<string, ObservedValue>.Empty : Calibrator.Observe(ready, sample, cancel),
        };
    }

    // only where they are weights: an infinite bound or mask means what it says
    private static void RefuseBrokenWeights(Graph graph)
    {
        foreach (Node node in graph.Nodes.Where(n => n.Op is "Conv" or "ConvTranspose" or "Gemm" or "MatMul" or "BatchNormalization" or "LSTM" or "GRU"))
        {
            foreach (string input in node.Inputs)
            {
                if (graph.Constant(input) is { Type: ElementType.Float } weight && !System.Numerics.Tensors.TensorPrimitives.IsFiniteAll<float>(weight.As<float>()))
                {
                    throw new ModelException($"The weight '{input}' of {node.Op} '{node.Name}' holds NaN or infinity: the model file is broken, or its training diverged.");
                }
            }
        }
    }

    /// <summary>The lowest opset that can express a recipe: 13 for scales by channel, 21 for 4 and 16 bits and blocks, 25 for 2 bits.</summary>
    public static int RequiredOpset(Recipe recipe, Target target)
    {
        int weightBits = recipe.Weights.Bits ?? target.WeightCodes.Bits;
        int activationBits = recipe.Mode is RecipeMode.Static ? recipe.Bits.SelectMany(b => (int?[])[b.Activations, b.Outputs]).Append(recipe.Activations.Bits ?? target.ActivationCodes.Bits).Max()!.Value : 8;
        bool packed = recipe.Weights.Packed ?? (recipe.Mode is RecipeMode.WeightOnly || !target.WeightBits.Contains(8));
        if (packed && weightBits <= 2)
        {
            return 25;
        }

        bool wide = weightBits > 8 || recipe.Bits.Any(b => b.Weights > 8) || activationBits > 8 || !recipe.WideNodes.IsEmpty;
        bool blocks = recipe.Weights.Granularity is RecipeGranularity.Block && recipe.Mode is not RecipeMode.Float16;
        return wide || blocks || (packed && weightBits <= 4) ? 21 : 13;
    }

    // one bit of two's complement is -1 and 0: no value above 0 has a code
    private static void RequirePositiveCodes(Recipe recipe, Target target)
    {
        bool activations = recipe.Mode is RecipeMode.Static && (recipe.Activations.Bits ?? target.ActivationCodes.Bits) == 1 && (recipe.Activations.Signed ?? target.ActivationCodes.Signed);
        bool weights = recipe.Mode is not RecipeMode.Float16 && (recipe.Weights.Bits ?? target.WeightCodes.Bits) == 1 && (recipe.Weights.Signed ?? target.WeightCodes.Signed);
        if (activations || weights)
        {
            throw new ArgumentException(
                $"Recipe '{recipe.Name}' on target '{target.Id}' asks for signed 1-bit {(activations ? "activations" : "weights")}. Affine codes of that kind are -1 and 0, so nothing above 0 would be left: take 2 bits or more, or a model trained for codes of -1 and +1.");
        }
    }
}
