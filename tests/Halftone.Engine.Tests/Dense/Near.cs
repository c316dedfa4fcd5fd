using Halftone.Onnx;

namespace Halftone.Engine.Tests.Dense;

/// <summary>Comparison of tensors: bit for bit, or floats within a tolerance relative to the largest magnitude.</summary>
internal static class Near
{
    public static void Check(Tensor expected, Tensor actual, double tolerance, string what = "")
    {
        Assert.True(expected.Type == actual.Type, $"{what} {expected.Type} expected, {actual.Type} made");
        Assert.True(expected.Dims.SequenceEqual(actual.Dims), $"{what} [{string.Join(",", expected.Dims)}] expected, [{string.Join(",", actual.Dims)}] made");
        if (tolerance == 0 || expected.Type is not (ElementType.Float or ElementType.Double or ElementType.Float16 or ElementType.BFloat16))
        {
            int at = expected.Bytes.CommonPrefixLength(actual.Bytes);
            Assert.True(at == expected.Bytes.Length, $"{what} byte {at} of {expected.Bytes.Length} differs: {(at < expected.Bytes.Length ? $"{expected.Bytes[at]} expected, {actual.Bytes[at]} made" : "")}");
            return;
        }

        float[] e = expected.ToFloats();
        float[] a = actual.ToFloats();
        double scale = e.Length == 0 ? 1 : Math.Max(1, e.Where(float.IsFinite).Select(Math.Abs).DefaultIfEmpty(1).Max());
        for (int i = 0; i < e.Length; i++)
        {
            bool same = e[i].Equals(a[i]) || Math.Abs(e[i] - (double)a[i]) <= tolerance * scale;
            Assert.True(same, $"{what} element {i} of {e.Length}: {e[i]} expected, {a[i]} made");
        }
    }
}
