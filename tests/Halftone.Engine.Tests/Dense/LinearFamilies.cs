using Halftone.Engine.Dense;
using Halftone.Engine.Dense.Linear;
using Halftone.Engine.Dense.Normalization;
using Halftone.Engine.Dense.Pooling;
using Halftone.Engine.Dense.Quantized;

namespace Halftone.Engine.Tests.Dense;

/// <summary>The linear, pooling, normalization and quantized operators by name.</summary>
internal static class LinearFamilies
{
    public static IReadOnlyDictionary<string, Func<DenseRequest, DensePlan>> All { get; } =
        LinearOperators.All.Concat(PoolingOperators.All).Concat(NormalizationOperators.All).Concat(QuantizedOperators.All).ToDictionary(e => e.Op, e => e.Ready);
}
