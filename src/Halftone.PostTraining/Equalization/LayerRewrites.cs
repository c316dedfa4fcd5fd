using Halftone.Onnx.Passes;
using Halftone.PostTraining.Recipes;

namespace Halftone.PostTraining.Equalization;

/// <summary>Every rewrite that a recipe may ask for: they change what the network computes. Adding one is adding its line.</summary>
public static class LayerRewrites
{
    /// <summary>The list.</summary>
    public static MethodList<ILayerRewrite> All { get; } = new(
        "rewrite",
        StepEntry.Of<ILayerRewrite, Relu6ToRelu>(),
        StepEntry.Of<ILayerRewrite, BiasAbsorption>(),
        StepEntry.Of<ILayerRewrite, FriendlySeparableConvolution>());
}
