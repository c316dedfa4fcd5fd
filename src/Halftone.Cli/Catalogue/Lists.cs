using System.Collections.Immutable;
using System.Globalization;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization;
using Halftone.Activations;
using Halftone.Data.Metrics;
using Halftone.PostTraining.Correction;
using Halftone.PostTraining.Equalization;
using Halftone.Ranges;
using Halftone.Weights;

namespace Halftone.Cli.Catalogue;

/// <summary>An option of a method.</summary>
/// <param name="Name">As recipes write it.</param>
/// <param name="Type">What it holds.</param>
/// <param name="Default">Its value where a recipe says nothing.</param>
internal sealed record MethodOption(string Name, string Type, string? Default);

/// <summary>A method as the command line shows it.</summary>
/// <param name="Kind">The list it is on.</param>
/// <param name="Id">Its id.</param>
/// <param name="Title">Its title.</param>
/// <param name="Paper">Where it comes from.</param>
/// <param name="Options">Its options.</param>
internal sealed record MethodLine(string Kind, string Id, string Title, string Paper, IReadOnlyList<MethodOption> Options);

/// <summary>Every list there is, so that commands, pages and tests walk the same ones.</summary>
internal static class Lists
{
    /// <summary>Every method of every list. A new list is a new line.</summary>
    public static ImmutableArray<MethodLine> Methods { get; } =
    [
        .. Of(RangeMethods.All),
        .. Of(ActivationMethods.All),
        .. Of(WeightMethods.All),
        .. Of(EqualizationPasses.All),
        .. Of(LayerRewrites.All),
        .. Of(PlanMethods.All),
        .. Of(MetricList.All),
    ];

    /// <summary>The lines of one list.</summary>
    public static IEnumerable<MethodLine> Of<TKind>(MethodList<TKind> list)
        where TKind : class => list.All.Select(e => new MethodLine(list.Kind, e.Info.Id, e.Info.Title, e.Info.Paper, OptionsOf(e.Type, e.Default)));

    private static MethodOption[] OptionsOf(Type type, object method) =>
    [
        .. type.GetProperties(BindingFlags.Public | BindingFlags.Instance)
            .Where(p => p.SetMethod is { IsPublic: true } && p.GetCustomAttribute<JsonIgnoreAttribute>() is null)
            .Select(p => new MethodOption(
                JsonNamingPolicy.CamelCase.ConvertName(p.Name), TypeName(p.PropertyType), Written(p.GetValue(method)))),
    ];

    private static string? Written(object? value) =>
        value is Enum or bool ? JsonNamingPolicy.CamelCase.ConvertName(value.ToString()!) : Convert.ToString(value, CultureInfo.InvariantCulture) is { Length: > 0 } text ? text : null;

    private static string TypeName(Type type) =>
        Nullable.GetUnderlyingType(type) is { } inner ? $"{TypeName(inner)} or nothing"
        : type.IsEnum ? string.Join('|', Enum.GetNames(type).Select(JsonNamingPolicy.CamelCase.ConvertName))
        : type == typeof(bool) ? "true|false"
        : type == typeof(int) || type == typeof(long) ? "integer"
        : type == typeof(float) || type == typeof(double) ? "number"
        : type == typeof(string) ? "text"
        : type.Name;
}
