namespace Halftone.Engine.Dense.Normalization;

/// <summary>The operators that normalize floats.</summary>
internal static class NormalizationOperators
{
    /// <summary>The list.</summary>
    public static IEnumerable<(string Op, Func<DenseRequest, DensePlan> Ready)> All =>
        [.. Softmax.Operators, .. LayerNormalization.Operators, .. ChannelNormalization.Operators, .. LocalNormalization.Operators, .. Gelu.Operators];
}
