using System.Reflection;
using Halftone.Onnx.Targets;
using Halftone.PostTraining.Recipes;

namespace Halftone.Cli.Catalogue;

/// <summary>Whether what the inventory points to is there.</summary>
internal static class References
{
    // by a type of each, so that they are loaded; rooms are added as they come
    private static readonly Assembly[] s_rooms =
    [
        typeof(MethodInfo).Assembly, typeof(Onnx.Model).Assembly, typeof(Data.DataException).Assembly,
        typeof(OnnxRuntime.OrtSession).Assembly, typeof(PostTraining.Quantizer).Assembly, typeof(Reports.Report).Assembly, typeof(Engine.EngineSession).Assembly,
        typeof(References).Assembly,
    ];

    /// <summary>The kinds of reference.</summary>
    public static IReadOnlyList<string> Kinds { get; } = ["method", "recipe", "target", "type"];

    /// <summary>Whether a reference such as "method:kl-entropy" leads to something.</summary>
    public static bool Exists(string reference)
    {
        (string kind, string id) = Split(reference);
        return kind switch
        {
            "method" => Lists.Methods.Any(m => m.Id == id),
            "recipe" => RecipeFile.Names.Contains(id),
            "target" => TargetList.All.Any(t => t.Id == id),
            "type" => s_rooms.Any(a => a.GetType(id) is not null),
            _ => throw new ArgumentException($"The inventory's reference '{reference}' must begin with one of {string.Join(", ", Kinds)}."),
        };
    }

    private static (string Kind, string Id) Split(string reference)
    {
        int colon = reference.IndexOf(':', StringComparison.Ordinal);
        return colon < 0 ? ("", reference) : (reference[..colon], reference[(colon + 1)..]);
    }
}
