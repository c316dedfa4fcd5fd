using Halftone.Numerics;
using Halftone.Ranges;

namespace Halftone.Core.Tests;

/// <summary>Ugly data on purpose, and samples of known distributions.</summary>
internal static class Generators
{
    /// <summary>Ordinary, tiny and huge values, zeros and ties; all finite.</summary>
    public static Gen<float> Value { get; } = Gen.Frequency(
        (6, Gen.Float[-4, 4]),
        (2, Gen.Int[-40, 40].Select(i => i / 4f)),
        (1, Gen.Const(0f)),
        (1, Gen.Const(-0f)),
        (1, Gen.Float[-1e30f, 1e30f]),
        (1, Gen.Float[-1e-38f, 1e-38f]));

    public static Gen<IntegerGrid> Codes { get; } = Gen.Select(Gen.Int[1, 16], Gen.Bool, Gen.Bool, (bits, signed, narrow) =>
        narrow ? new IntegerGrid(bits, signed).Narrow : new IntegerGrid(bits, signed));

    public static Gen<QuantizationGrid> Grid { get; } = Gen.Select(Codes, Gen.Bool, (codes, symmetric) => new QuantizationGrid(codes, symmetric));

    /// <summary>Standard normal values by Box and Muller.</summary>
    public static float[] Normal(int count, int seed)
    {
        var random = new CounterRandom(seed);
        var values = new float[count];
        for (int i = 0; i < count; i++)
        {
            double radius = Math.Sqrt(-2 * Math.Log(1 - random.Uniform(2L * i)));
            values[i] = (float)(radius * Math.Cos(2 * Math.PI * random.Uniform((2L * i) + 1)));
        }

        return values;
    }

    /// <summary>Laplace values of scale 1.</summary>
    public static float[] Laplace(int count, int seed)
    {
        var random = new CounterRandom(seed);
        var values = new float[count];
        for (int i = 0; i < count; i++)
        {
            double u = random.Uniform(i) - 0.5;
            values[i] = (float)(-Math.Sign(u) * Math.Log(1 - (2 * Math.Abs(u))));
        }

        return values;
    }

    /// <summary>The middles of that many equally likely parts of a standard normal distribution: its histogram without noise.</summary>
    public static float[] NormalPoints { get; } = [.. Enumerable.Range(0, 20_000).Select(i => (float)Halftone.Numerics.Normal.Quantile((i + 0.5) / 20_000))];

    /// <summary>The same of a Laplace distribution of scale 1.</summary>
    public static float[] LaplacePoints { get; } = [.. Enumerable.Range(0, 20_000).Select(i => (i + 0.5) / 20_000 - 0.5).Select(u => (float)(-Math.Sign(u) * Math.Log(1 - (2 * Math.Abs(u)))))];
}
