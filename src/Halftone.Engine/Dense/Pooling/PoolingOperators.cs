namespace Halftone.Engine.Dense.Pooling;

/// <summary>The operators that sample images of floats: pools and resizing.</summary>
internal static class PoolingOperators
{
    /// <summary>The list.</summary>
    public static IEnumerable<(string Op, Func<DenseRequest, DensePlan> Ready)> All => [.. MaxPool.Operators, .. AveragePool.Operators, .. GlobalPool.Operators, .. Resize.Operators];
}
