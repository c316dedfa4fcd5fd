using Halftone.Onnx.Passes;
using Halftone.PostTraining.Recipes;

namespace Halftone.PostTraining.Equalization;

/// <summary>Every pass that a recipe may ask for. Adding one is adding its line.</summary>
public static class EqualizationPasses
{
    /// <summary>The list.</summary>
    public static MethodList<IGraphPass> All { get; } = new(
        "pass",
        StepEntry.Of<IGraphPass, CrossLayerEqualization>(),
        StepEntry.Of<IGraphPass, ActivationEqualization>(),
        StepEntry.Of<IGraphPass, WeightFactorization>(),
        StepEntry.Of<IGraphPass, OutlierChannelSplitting>(),
        StepEntry.Of<IGraphPass, SmoothQuant>(),
        StepEntry.Of<IGraphPass, ActivationAwareScaling>());
}
