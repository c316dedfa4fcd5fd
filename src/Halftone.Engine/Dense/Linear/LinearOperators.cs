namespace Halftone.Engine.Dense.Linear;

/// <summary>The operators that multiply matrices of floats.</summary>
internal static class LinearOperators
{
    /// <summary>The list.</summary>
    public static IEnumerable<(string Op, Func<DenseRequest, DensePlan> Ready)> All => [.. Conv.Operators, .. MatMul.Operators, .. Gemm.Operators];
}
