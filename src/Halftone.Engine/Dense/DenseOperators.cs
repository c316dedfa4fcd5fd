using System.Collections.Frozen;

namespace Halftone.Engine.Dense;

/// <summary>The operators of ONNX's own domain that the engine computes on row-major values: by name, what makes a node ready.</summary>
internal static partial class DenseOperators
{
    /// <summary>The list.</summary>
    public static FrozenDictionary<string, Func<DenseRequest, DensePlan>> All { get; } = new Dictionary<string, Func<DenseRequest, DensePlan>>
    {
    }.ToFrozenDictionary();
}
