using System.Collections.Frozen;
using Halftone.Engine.Dense.Elementwise;
using Halftone.Engine.Dense.Linear;
using Halftone.Engine.Dense.Movement;
using Halftone.Engine.Dense.Normalization;
using Halftone.Engine.Dense.Pooling;
using Halftone.Engine.Dense.Quantized;
using Halftone.Engine.Dense.Reductions;

namespace Halftone.Engine.Dense;

/// <summary>The operators of ONNX's own domain that the engine computes on row-major values: by name, what makes a node ready.</summary>
internal static class DenseOperators
{
    /// <summary>The list.</summary>
    public static FrozenDictionary<string, Func<DenseRequest, DensePlan>> All { get; } = new[]
    {
        // movement and shapes
        Views.List,
        Strides.List,
        Joins.List,
        Pad.List,
        Gathers.List,
        Scatters.List,
        Fills.List,
        Triangles.List,

        // element by element
        Arithmetic.List,
        Variadic.List,
        Comparisons.List,
        Bits.List,
        Pow.List,
        Signs.List,
        Functions.List,
        Trigonometry.List,
        Sigmoids.List,
        Rectifiers.List,
        Clip.List,
        FloatTests.List,
        Where.List,
        Casts.List,

        // along axes
        Reduce.List,
        ArgExtremes.List,
        CumSum.List,

        // products, windows, statistics
        LinearOperators.All,
        PoolingOperators.All,
        NormalizationOperators.All,
        QuantizedOperators.All,
    }.SelectMany(family => family).ToFrozenDictionary(entry => entry.Item1, entry => entry.Item2);
}
