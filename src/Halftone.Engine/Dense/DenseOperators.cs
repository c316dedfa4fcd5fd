using System.Collections.Frozen;
using Halftone.Engine.Dense.Elementwise;
using Halftone.Engine.Dense.Linear;
using Halftone.Engine.Dense.Movement;
using Halftone.Engine.Dense.Normalization;
using Halftone.Engine.Dense.Pooling;
using Halftone.Engine.Dense.Quantized;
using Halftone.Engine.Dense.Reductions;
using Halftone.Onnx;

namespace Halftone.Engine.Dense;

/// <summary>The operators that the engine computes on row-major values: by name, behind the domain and a dot where it is not ONNX's own, what makes a node ready.</summary>
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

        // products
        Conv.List,
        MatMul.List,
        Gemm.List,

        // windows and statistics
        MaxPool.List,
        AveragePool.List,
        GlobalPool.List,
        Resize.List,
        Softmax.List,
        LayerNormalization.List,
        ChannelNormalization.List,
        LocalNormalization.List,
        Gelu.List,

        // codes, and between codes and floats
        Quantize.List,
        Dequantize.List,
        DynamicQuantizeLinear.List,
        IntegerConv.List,
        IntegerMatMul.List,
        QGemm.List,
        MatMulNBits.List,
        DynamicQuantizeMatMul.List,
        Binary.List,
        Lookup.List,
        QLinearPool.List,
        QLinearSoftmax.List,
    }.SelectMany(family => family).ToFrozenDictionary(operation => operation.Op, operation => operation.Ready);

    /// <summary>What makes a node ready.</summary>
    /// <exception cref="ModelException">The engine does not know its operator.</exception>
    public static Func<DenseRequest, DensePlan> Of(Node node) =>
        All.TryGetValue(node.Domain.Length == 0 ? node.Op : $"{node.Domain}.{node.Op}", out Func<DenseRequest, DensePlan>? ready)
            ? ready
            : throw new ModelException($"Node '{node.Name}' ({node.Op}) cannot run in the engine: there is no such operator.");
}
