namespace Halftone.Engine.Dense.Quantized;

/// <summary>The operators on codes, and those between codes and floats.</summary>
internal static class QuantizedOperators
{
    /// <summary>The list.</summary>
    public static IEnumerable<(string Op, Func<DenseRequest, DensePlan> Ready)> All =>
    [
        .. Quantize.Operators, .. Dequantize.Operators, .. DynamicQuantizeLinear.Operators, .. IntegerConv.Operators, .. IntegerMatMul.Operators, .. QGemm.Operators,
        .. MatMulNBits.Operators, .. DynamicQuantizeMatMul.Operators, .. Binary.Operators, .. Lookup.Operators, .. QLinearPool.Operators, .. QLinearSoftmax.Operators,
    ];
}
