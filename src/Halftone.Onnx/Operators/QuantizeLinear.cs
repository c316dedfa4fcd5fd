using Halftone.Numerics;

namespace Halftone.Onnx.Operators;

/// <summary>ONNX QuantizeLinear, up to opset 25: y = saturate(round(x / scale) + zero point), ties to even.</summary>
public static class QuantizeLinear
{
    /// <summary>Quantizes.</summary>
    /// <param name="x">float, float16, bfloat16 or int32.</param>
    /// <param name="scale">Scalar, [length of the axis], or the shape of x in blocks; float, float16, bfloat16, int32 or float8e8m0.</param>
    /// <param name="zeroPoint">Shaped as scale; its type is the type made. Null for 0 (uint8 unless the options say otherwise).</param>
    /// <param name="options">The attributes; null for the defaults.</param>
    /// <returns>Codes, shaped as x.</returns>
    /// <remarks>
    /// The quotient is rounded to the type of the scale (or the precision asked for), then to an integer, and the zero point is added after that:
    /// on ties this differs from round(x / scale + zero point). NaN, which ONNX leaves open, becomes the zero point.
    /// </remarks>
    /// <exception cref="ArgumentException">Shapes or types do not fit together.</exception>
    public static Tensor Run(Tensor x, Tensor scale, Tensor? zeroPoint = null, LinearOptions? options = null)
    {
        options ??= new();
        ElementType type = TypeMade(zeroPoint, options);
        ElementType precision = options.Precision is not ElementType.Undefined ? options.Precision
            : scale.Type is ElementType.Float16 or ElementType.BFloat16 ? scale.Type : ElementType.Float;
        ScaleLayout layout = new(x, scale, zeroPoint, options);
        double[] values = Elements.Numbers(x);
        double[] scales = Array.ConvertAll(Elements.Numbers(scale), s => Elements.Round(precision, s));
        double[]? zeros = zeroPoint is null ? null : Elements.Numbers(zeroPoint);

        var codes = new int[values.Length];
        bool small = type.IsSmallFloat();
        if (small && zeros is not null && zeros.Any(z => z != 0))
        {
            throw new ArgumentException($"The zero point of {type.OnnxName()} must be 0.");
        }

        (int min, int max) = small ? (0, 0) : Elements.Range(type);
        for (int i = 0; i < codes.Length; i++)
        {
            int g = layout.At(i);
            double quotient = Elements.Round(precision, Elements.Round(precision, values[i]) / scales[g]);

            // adding the zero point makes +0 of -0 in the small floats too, as in ONNX's reference
            codes[i] = small ? SmallFloats.Encode(type, quotient + 0.0, options.Saturate) : Integer(quotient, zeros?[g] ?? 0, min, max);
        }

        return Elements.Pack(type, x.Dims.AsSpan(), codes);
    }

    private static ElementType TypeMade(Tensor? zeroPoint, LinearOptions options)
    {
        if (zeroPoint is not null && options.OutputType is not ElementType.Undefined && options.OutputType != zeroPoint.Type)
        {
            throw new ArgumentException($"output_dtype says {options.OutputType.OnnxName()}, the zero point {zeroPoint.Type.OnnxName()}; they must agree.");
        }

        return zeroPoint?.Type ?? (options.OutputType is ElementType.Undefined ? ElementType.UInt8 : options.OutputType);
    }

    private static int Integer(double quotient, double zero, int min, int max) =>
        double.IsNaN(quotient) ? (int)zero : (int)Math.Clamp(Rounding.NearestEven(quotient) + zero, min, max);
}
