namespace Halftone.Onnx.Operators;

/// <summary>ONNX DequantizeLinear, up to opset 25: y = (x - zero point) * scale.</summary>
public static class DequantizeLinear
{
    /// <summary>Dequantizes.</summary>
    /// <param name="x">Codes: integers of 2 to 16 bits, int32, or small floats.</param>
    /// <param name="scale">Scalar, [length of the axis], or the shape of x in blocks; float, float16, bfloat16 or float8e8m0.</param>
    /// <param name="zeroPoint">Shaped as scale, typed as x; null for 0. Of int32 and float codes it must be 0.</param>
    /// <param name="options">The attributes; null for the defaults.</param>
    /// <returns>Values, shaped as x, of the scale's type unless the options say otherwise.</returns>
    /// <remarks>The product is a 32-bit float, then rounded to the type made, as ONNX's reference and ONNX Runtime do.</remarks>
    /// <exception cref="ArgumentException">Shapes or types do not fit together.</exception>
    public static Tensor Run(Tensor x, Tensor scale, Tensor? zeroPoint = null, LinearOptions? options = null)
    {
        options ??= new();
        if (zeroPoint is not null && zeroPoint.Type != x.Type)
        {
            throw new ArgumentException($"The codes are {x.Type.OnnxName()}, their zero point {zeroPoint.Type.OnnxName()}; they must agree.");
        }

        ElementType type = options.OutputType is ElementType.Undefined ? scale.Type : options.OutputType;
        if (type is ElementType.Float8E8M0)
        {
            throw new ArgumentException("Scales of float8e8m0 do not say what type to make; set output_dtype.");
        }

        ScaleLayout layout = new(x, scale, zeroPoint, options);
        double[] codes = Elements.Numbers(x);
        double[] scales = Elements.Numbers(scale);
        double[]? zeros = zeroPoint is null ? null : Elements.Numbers(zeroPoint);
        if (zeros is not null && (x.Type is ElementType.Int32 || x.Type.IsSmallFloat()) && zeros.Any(z => z != 0))
        {
            throw new ArgumentException($"The zero point of {x.Type.OnnxName()} must be 0.");
        }

        var values = new float[codes.Length];
        for (int i = 0; i < values.Length; i++)
        {
            int g = layout.At(i);
            values[i] = (float)(codes[i] - (zeros?[g] ?? 0)) * (float)scales[g];
        }

        return Elements.OfFloats(type, x.Dims.AsSpan(), values);
    }
}
