using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace Halftone.PostTraining.Recipes;

/// <summary>Makes lines of the lists of steps: passes, rewrites, plan methods.</summary>
internal static class StepEntry
{
    private static readonly JsonSerializerOptions s_json = new(JsonSerializerDefaults.Web)
    {
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        IgnoreReadOnlyProperties = true,
        TypeInfoResolver = new DefaultJsonTypeInfoResolver(),
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.KebabCaseLower, allowIntegerValues: false) },
    };

    /// <summary>The line of a method.</summary>
    public static MethodEntry<TKind> Of<TKind, TMethod>()
        where TMethod : class, TKind, IDescribed, new() => MethodEntry.Of<TKind, TMethod>((JsonTypeInfo<TMethod>)s_json.GetTypeInfo(typeof(TMethod)));
}
