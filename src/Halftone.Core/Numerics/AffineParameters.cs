namespace Halftone.Numerics;

/// <summary>The map x = Scale * (code - ZeroPoint).</summary>
/// <param name="Scale">Positive, normal.</param>
/// <param name="ZeroPoint">The code of 0.</param>
public readonly record struct AffineParameters(float Scale, int ZeroPoint)
{
    /// <summary>
    /// Scale and zero point of a clipping range, defined once for the whole solution: the range is widened to contain 0; symmetric ranges to
    /// +-max|x|; scale = (max - min) / (codes - 1) and zero point = round(Min - min / scale) in double precision; then the scale becomes a float.
    /// </summary>
    /// <param name="min">Lower end of the range.</param>
    /// <param name="max">Upper end.</param>
    /// <param name="grid">The codes.</param>
    /// <param name="symmetric">Whether the zero point is the middle of the codes: 0 for signed types.</param>
    /// <param name="smallestScale">A floor of the scale; 0 for none. PyTorch uses 2^-23.</param>
    /// <remarks>A scale below the smallest normal float, as of a tensor of zeros, becomes 1. Ends that are not finite are refused.
    /// ONNX Runtime quant_utils.py compute_scale_zp does the same.</remarks>
    /// <exception cref="ArgumentException">An end that is not finite, or min above max.</exception>
    public static AffineParameters FromRange(double min, double max, IntegerGrid grid, bool symmetric, double smallestScale = 0)
    {
        if (!double.IsFinite(min) || !double.IsFinite(max) || min > max)
        {
            throw new ArgumentException($"[{min}, {max}] is not a range of finite numbers.");
        }

        min = Math.Min(min, 0);
        max = Math.Max(max, 0);
        if (symmetric)
        {
            max = Math.Max(-min, max);
            min = -max;
        }

        // one code has no steps; a symmetric 1-bit signed grid is -1..0
        int steps = Math.Max(grid.Max - grid.Min, 1);
        double scale = Math.Max((max - min) / steps, smallestScale);
        // of an even number of codes the upper middle, so that it is 2^(bits-1) for every unsigned type
        int middle = (int)Math.Ceiling((grid.Min + grid.Max) / 2.0);
        if (scale < 1.17549435e-38 || scale > float.MaxValue)
        {
            return scale > float.MaxValue
                ? new(float.MaxValue, symmetric ? middle : Math.Clamp(0, grid.Min, grid.Max))
                : new(1, symmetric ? middle : Math.Clamp(0, grid.Min, grid.Max));
        }

        int zero = symmetric ? middle : (int)Math.Clamp(Rounding.NearestEven(grid.Min - (min / scale)), grid.Min, grid.Max);
        return new((float)scale, zero);
    }

    /// <summary>code = clamp(round(x / Scale) + ZeroPoint, Min, Max): divide, round the quotient to even, then add (ONNX QuantizeLinear). NaN gives ZeroPoint.</summary>
    public int Quantize(float value, IntegerGrid grid)
    {
        float quotient = Rounding.NearestEven(value / Scale);
        return float.IsNaN(quotient) ? Math.Clamp(ZeroPoint, grid.Min, grid.Max) : (int)Math.Clamp((double)quotient + ZeroPoint, grid.Min, grid.Max);
    }

    /// <summary>Scale * (code - ZeroPoint) (ONNX DequantizeLinear).</summary>
    public float Dequantize(int code) => (code - ZeroPoint) * Scale;
}
