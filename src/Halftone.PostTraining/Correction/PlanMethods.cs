using System.Text.Json;
using System.Text.Json.Serialization;
using Halftone.PostTraining.Calibration;

namespace Halftone.PostTraining.Correction;

/// <summary>Every plan method there is. Adding one is adding its line.</summary>
public static class PlanMethods
{
    private static readonly JsonSerializerOptions s_strict = new(JsonSerializerDefaults.Web) { UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow };

    /// <summary>The list.</summary>
    public static MethodList<IPlanMethod> All { get; } = new(
        "plan method",
        Of<ActivationBits>(),
        Of<MultiPointBudget>(),
        Of<Lapq>(),
        Of<SequentialQuantization>(),
        Of<MeanVariance>(),
        Of<BiasCorrection>(),
        Of<IterativeBiasCorrection>(),
        Of<AnalyticBiasCorrection>());

    private static MethodEntry<IPlanMethod> Of<T>()
        where T : class, IPlanMethod, IDescribed, new() => new(T.Info, typeof(T), options => options.Deserialize<T>(s_strict)!);
}
