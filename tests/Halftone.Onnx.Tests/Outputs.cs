namespace Halftone.Onnx.Tests;

/// <summary>Compares outputs.</summary>
internal static class Outputs
{
    /// <summary>Bit for bit; NaN is NaN.</summary>
    public static bool Same(Tensor[] a, Tensor[] b) => a.Length == b.Length && a.Zip(b).All(p =>
        p.First.Type == p.Second.Type && p.First.Dims.SequenceEqual(p.Second.Dims) && p.First.Bytes.SequenceEqual(p.Second.Bytes));

    /// <summary>Within a tolerance relative to the largest value of the output where elements are floats, exactly elsewhere; half floats within their own precision.</summary>
    public static bool Close(Tensor[] a, Tensor[] b, double relative) => a.Length == b.Length && a.Zip(b).All(p => Close(p.First, p.Second, relative));

    private static bool Close(Tensor a, Tensor b, double relative)
    {
        if (a.Type != b.Type || !a.Dims.SequenceEqual(b.Dims))
        {
            return false;
        }

        if (a.Type is not (ElementType.Float or ElementType.Double or ElementType.Float16 or ElementType.BFloat16))
        {
            return a.Bytes.SequenceEqual(b.Bytes);
        }

        relative = a.Type is ElementType.Float16 or ElementType.BFloat16 ? Math.Max(relative, 1 / 256.0) : relative; // a step of bfloat16, a few of float16
        (float[] x, float[] y) = (a.ToFloats(), b.ToFloats());
        float largest = x.Where(float.IsFinite).Select(MathF.Abs).DefaultIfEmpty().Max();
        return x.Zip(y).All(p => p.First.Equals(p.Second) || Math.Abs((double)p.First - p.Second) <= relative * largest);
    }
}
