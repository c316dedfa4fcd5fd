using Halftone.Onnx.Passes;

namespace Halftone.PostTraining.Equalization;

/// <summary>Every rewrite that a recipe may ask for. Adding one is adding its line.</summary>
public static class LayerRewrites
{
    /// <summary>The list.</summary>
    public static MethodList<ILayerRewrite> All { get; } = new("rewrite");
}
