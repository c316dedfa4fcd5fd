namespace Halftone.Numerics;

/// <summary>Uniform numbers of a seed and an index, so that a result does not depend on who asks first or on which thread.</summary>
/// <remarks>SplitMix64 (Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators"): the output function applied to
/// seed' + index * golden ratio, where seed' is the seed sent through the same function, so that near seeds share nothing.</remarks>
public readonly struct CounterRandom
{
    private const ulong Golden = 0x9E3779B97F4A7C15;

    private readonly ulong _origin;

    /// <summary>The numbers of a seed.</summary>
    public CounterRandom(int seed) => _origin = Mix(unchecked((ulong)seed + Golden));

    /// <summary>64 random bits at an index.</summary>
    public ulong Bits(long index) => Mix(unchecked(_origin + ((ulong)index * Golden)));

    /// <summary>A number in [0, 1) at an index, a multiple of 2^-53.</summary>
    public double Uniform(long index) => (Bits(index) >> 11) * (1.0 / (1L << 53));

    /// <summary>Different numbers below a bound, rising, every choice as likely (Floyd's sampling; Bentley 1987, "A sample of brilliance").</summary>
    /// <param name="count">How many, at most the bound.</param>
    /// <param name="bound">Numbers are below it.</param>
    public int[] Subset(int count, int bound)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, bound);
        HashSet<int> chosen = new(count);
        for (int last = bound - count; last < bound; last++)
        {
            if (!chosen.Add((int)(Uniform(last) * (last + 1.0))))
            {
                chosen.Add(last);
            }
        }

        return [.. chosen.Order()];
    }

    /// <summary>A standard normal number at an index, by Box and Muller.</summary>
    public double Normal(long index) => Math.Sqrt(-2 * Math.Log(1 - Uniform(2 * index))) * Math.Cos(2 * Math.PI * Uniform((2 * index) + 1));

    private static ulong Mix(ulong z)
    {
        unchecked
        {
            z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
            z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
            return z ^ (z >> 31);
        }
    }
}
