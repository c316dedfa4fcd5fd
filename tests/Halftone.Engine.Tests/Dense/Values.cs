using Halftone.Onnx;

namespace Halftone.Engine.Tests.Dense;

/// <summary>Values of a seed.</summary>
internal static class Values
{
    /// <summary>Floats between -4 and 4.</summary>
    public static Tensor Floats(long[] dims, uint seed)
    {
        Random random = new((int)(seed & int.MaxValue));
        var values = new float[dims.Aggregate(1L, (a, b) => a * b)];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = (random.NextSingle() * 8) - 4;
        }

        return Tensor.Of(values, dims);
    }

    /// <summary>Truth values.</summary>
    public static Tensor Truths(long[] dims, uint seed) => Tensor.Of(Array.ConvertAll(Floats(dims, seed).ToFloats(), v => v > 0), dims);
}
