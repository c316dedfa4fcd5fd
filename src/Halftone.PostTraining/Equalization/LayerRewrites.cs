using System.Text.Json;
using System.Text.Json.Serialization;
using Halftone.Onnx.Passes;

namespace Halftone.PostTraining.Equalization;

/// <summary>Every rewrite that a recipe may ask for: they change what the network computes. Adding one is adding its line.</summary>
public static class LayerRewrites
{
    private static readonly JsonSerializerOptions s_strict = new(JsonSerializerDefaults.Web) { UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow };

    /// <summary>The list.</summary>
    public static MethodList<ILayerRewrite> All { get; } = new(
        "rewrite",
        Of<Relu6ToRelu>(),
        Of<BiasAbsorption>(),
        Of<FriendlySeparableConvolution>());

    private static MethodEntry<ILayerRewrite> Of<T>()
        where T : class, ILayerRewrite, IDescribed, new() => new(T.Info, typeof(T), options => options.Deserialize<T>(s_strict)!);
}
