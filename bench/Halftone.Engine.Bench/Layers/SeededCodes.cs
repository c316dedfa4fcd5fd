using Halftone.Numerics;

namespace Halftone.Engine.Bench.Layers;

/// <summary>Random codes of a layer whose outputs spread over uint8: half of them 0, as after Relu, few at 255.</summary>
internal static class SeededCodes
{
    private const double OutputDeviation = 60; // in codes
    private const double CodeSquare = 200 * 200 / 6.0; // mean square of the activations below
    private const double WeightSquare = 127 * 127 / 3.0;

    /// <summary>Activations: half of them 0, the others even over [0, 200).</summary>
    public static byte[] Activations(long count, int seed)
    {
        var random = new CounterRandom(seed);
        var codes = new byte[count];
        for (long i = 0; i < count; i++)
        {
            codes[i] = (byte)Math.Max(0, (400 * random.Uniform(i)) - 200);
        }

        return codes;
    }

    /// <summary>Weights, even over [-127, 127].</summary>
    public static sbyte[] Weights(long count, int seed)
    {
        var random = new CounterRandom(seed);
        var codes = new sbyte[count];
        for (long i = 0; i < count; i++)
        {
            codes[i] = (sbyte)((int)(255 * random.Uniform(i)) - 127);
        }

        return codes;
    }

    /// <summary>Biases of about a tenth of the sums.</summary>
    public static int[] Biases(int count, long fan, int seed)
    {
        var random = new CounterRandom(seed);
        return [.. Enumerable.Range(0, count).Select(i => (int)(0.1 * Math.Sqrt(fan * CodeSquare * WeightSquare) * random.Normal(i)))];
    }

    /// <summary>Scales that bring sums of so many products to codes.</summary>
    public static float[] Scales(int count, long fan, int seed)
    {
        var random = new CounterRandom(seed);
        return [.. Enumerable.Range(0, count).Select(i => (float)(OutputDeviation * (0.75 + (0.5 * random.Uniform(i))) / Math.Sqrt(fan * CodeSquare * WeightSquare)))];
    }

    /// <summary>A sum as the layer writes it: to the nearest code, ties to even.</summary>
    public static byte Code(int sum, float scale) => (byte)Math.Clamp(MathF.Round(sum * scale, MidpointRounding.ToEven), byte.MinValue, byte.MaxValue);
}
