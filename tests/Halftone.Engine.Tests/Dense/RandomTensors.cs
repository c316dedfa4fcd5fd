using Halftone.Onnx;

namespace Halftone.Engine.Tests.Dense;

/// <summary>Random tensors, by a seed that CsCheck draws.</summary>
internal static class RandomTensors
{
    /// <summary>Floats between -2 and 2.</summary>
    public static Tensor Floats(int seed, params long[] dims)
    {
        var random = new Random(seed);
        return Tensor.Of([.. Enumerable.Range(0, Count(dims)).Select(_ => (float)((random.NextDouble() * 4) - 2))], dims);
    }

    /// <summary>Truth values.</summary>
    public static Tensor Truths(int seed, params long[] dims) => Tensor.Of(Array.ConvertAll(Floats(seed, dims).ToFloats(), v => v > 0), dims);

    /// <summary>Codes of 8 bits.</summary>
    public static Tensor Codes(int seed, bool signed, params long[] dims)
    {
        var bytes = new byte[Count(dims)];
        new Random(seed).NextBytes(bytes);
        return new Tensor(signed ? ElementType.Int8 : ElementType.UInt8, dims, bytes);
    }

    /// <summary>Small positive floats.</summary>
    public static Tensor Scales(int seed, params long[] dims)
    {
        var random = new Random(seed);
        return Tensor.Of([.. Enumerable.Range(0, Count(dims)).Select(_ => (float)(0.005 + (random.NextDouble() * 0.02)))], dims);
    }

    private static int Count(long[] dims) => (int)dims.Aggregate(1L, (a, b) => a * b);
}
