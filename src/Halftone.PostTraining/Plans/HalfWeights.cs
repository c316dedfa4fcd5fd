using System.Collections.Immutable;
using Halftone.Onnx;

namespace Halftone.PostTraining.Plans;

/// <summary>What storing constants as 16-bit floats left as it was.</summary>
internal static class HalfWeights
{
    /// <summary>Nodes with weights of which none became half, and why.</summary>
    /// <param name="before">The float graph.</param>
    /// <param name="after">The same with its constants as halves, cast to float where they are read.</param>
    public static ImmutableSortedDictionary<string, string> KeptFloat(Graph before, Graph after)
    {
        HashSet<string> half = [.. after.Nodes.Where(n => n.Is("Cast") && after.Constant(n.Input(0)) is { Type: ElementType.Float16 }).Select(n => n.Outputs[0])];
        return before.Nodes
            .Where(n => Products.Has(before, n) && !n.Inputs.Any(half.Contains))
            .ToImmutableSortedDictionary(n => n.Name, n => n.InnerNodes.Any() ? "it has subgraphs, which are left as they are" : "it reads no float constant", StringComparer.Ordinal);
    }
}
