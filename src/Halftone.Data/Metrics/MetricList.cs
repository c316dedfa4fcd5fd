using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace Halftone.Data.Metrics;

/// <summary>Every metric there is. Adding one is adding its line. <see cref="DelegateMetric"/> takes a function and is made in code alone.</summary>
public static class MetricList
{
    private static readonly JsonSerializerOptions s_json = new(JsonSerializerDefaults.Web)
    {
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        IgnoreReadOnlyProperties = true, // those are no options
        TypeInfoResolver = new DefaultJsonTypeInfoResolver(),
    };

    /// <summary>The list.</summary>
    public static MethodList<IMetric> All { get; } = new(
        "metric",
        Of<Top1>(),
        Of<Top5>(),
        Of<Perplexity>(),
        Of<Psnr>(),
        Of<MeanAbsoluteError>(),
        Of<RootMeanSquareError>(),
        Of<Sqnr>(),
        Of<CosineSimilarity>(),
        Of<ArgmaxAgreement>());

    private static MethodEntry<IMetric> Of<T>()
        where T : class, IMetric, IDescribed, new() => MethodEntry.Of<IMetric, T>((JsonTypeInfo<T>)s_json.GetTypeInfo(typeof(T)));
}
