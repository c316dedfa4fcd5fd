using System.Text.Json;
using System.Text.Json.Serialization;
using Halftone.Onnx.Passes;

namespace Halftone.PostTraining.Equalization;

/// <summary>Every pass that a recipe may ask for. Adding one is adding its line.</summary>
public static class EqualizationPasses
{
    private static readonly JsonSerializerOptions s_strict = new(JsonSerializerDefaults.Web) { UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow };

    /// <summary>The list.</summary>
    public static MethodList<IGraphPass> All { get; } = new(
        "pass",
        Of<CrossLayerEqualization>(),
        Of<ActivationEqualization>(),
        Of<WeightFactorization>(),
        Of<OutlierChannelSplitting>(),
        Of<SmoothQuant>(),
        Of<ActivationAwareScaling>());

    private static MethodEntry<IGraphPass> Of<T>()
        where T : class, IGraphPass, IDescribed, new() => new(T.Info, typeof(T), options => options.Deserialize<T>(s_strict)!);
}
