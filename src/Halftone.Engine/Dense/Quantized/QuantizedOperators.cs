namespace Halftone.Engine.Dense.Quantized;

/// <summary>The operators on codes, and those between codes and floats.</summary>
internal static class QuantizedOperators
{
    /// <summary>The list.</summary>
    public static IEnumerable<(string Op, Func<DenseRequest, DensePlan> Ready)> All => [];
}
