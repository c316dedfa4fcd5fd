using Halftone.Numerics;

namespace Halftone.Onnx.Operators;

/// <summary>ONNX DynamicQuantizeLinear (opset 11): uint8 codes of a tensor by its own range.</summary>
/// <remarks>In 32-bit floats: max and min are widened to contain 0, scale = (max - min) / 255, zero point = round(saturate(0 - min / scale)), ties to even.
/// A tensor of zeros, which ONNX leaves open, has scale 1 as in ONNX Runtime.</remarks>
public static class DynamicQuantizeLinear
{
    /// <summary>Quantizes.</summary>
    /// <param name="x">float.</param>
    /// <returns>uint8 codes shaped as x; the scale; the zero point.</returns>
    /// <exception cref="ArgumentException">x is not float.</exception>
    public static (Tensor Codes, Tensor Scale, Tensor ZeroPoint) Run(Tensor x)
    {
        if (x.Type is not ElementType.Float)
        {
            throw new ArgumentException($"DynamicQuantizeLinear takes float, not {x.Type.OnnxName()}.");
        }

        float min = 0;
        float max = 0;
        foreach (float value in x.As<float>())
        {
            min = Math.Min(min, value);
            max = Math.Max(max, value);
        }

        float scale = max == min ? 1 : (max - min) / 255;
        float zero = Rounding.NearestEven(Math.Clamp(0 - (min / scale), 0, 255));
        Tensor scaleTensor = Tensor.Scalar(scale);
        Tensor zeroPoint = Tensor.Scalar((byte)zero);
        return (QuantizeLinear.Run(x, scaleTensor, zeroPoint), scaleTensor, zeroPoint);
    }
}
