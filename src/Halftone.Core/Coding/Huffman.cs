namespace Halftone.Coding;

/// <summary>Huffman's code: of all prefix codes one of least expected length (Huffman 1952, "A method for the construction of minimum-redundancy codes").</summary>
/// <remarks>The two least frequent groups of symbols are joined until one is left; every joining makes the codes of their symbols a bit longer. Ties go to the group made first, so that the
/// lengths depend on the counts alone. Any code of those lengths is as good: <see cref="PrefixCode"/> is the canonical one.</remarks>
public static class Huffman
{
    /// <summary>The longest code there is. Only counts like Fibonacci's numbers, over 120,000 symbols in all, would need a longer one.</summary>
    public const int MostBits = 24;

    /// <summary>Bits of each symbol's code; 0 for symbols that do not occur. A symbol that is alone takes one bit.</summary>
    /// <param name="counts">How often each symbol occurs.</param>
    /// <exception cref="ArgumentOutOfRangeException">A negative count.</exception>
    /// <remarks>Where a code would be longer than <see cref="MostBits"/>, all counts are halved, upwards, until none is: complete codes still, and a few millionths longer.</remarks>
    public static int[] Lengths(ReadOnlySpan<long> counts)
    {
        int[] lengths = Unbounded(counts);
        for (long[] halved = counts.ToArray(); lengths.Length > 0 && lengths.Max() > MostBits; lengths = Unbounded(halved))
        {
            for (int symbol = 0; symbol < halved.Length; symbol++)
            {
                halved[symbol] = (halved[symbol] + 1) / 2;
            }
        }

        return lengths;
    }

    private static int[] Unbounded(ReadOnlySpan<long> counts)
    {
        PriorityQueue<int, (long Count, int Group)> groups = new();
        for (int symbol = 0; symbol < counts.Length; symbol++)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(counts[symbol]);
            if (counts[symbol] > 0)
            {
                groups.Enqueue(symbol, (counts[symbol], symbol));
            }
        }

        int alone = groups.Count == 1 ? groups.Peek() : -1;
        int root = counts.Length;
        var parents = new int[2 * counts.Length];
        for (; groups.Count > 1; root++)
        {
            groups.TryDequeue(out int a, out (long Count, int) first);
            groups.TryDequeue(out int b, out (long Count, int) second);
            parents[a] = parents[b] = root;
            groups.Enqueue(root, (checked(first.Count + second.Count), root));
        }

        var depths = new int[2 * counts.Length];
        for (int group = root - 2; group >= 0; group--) // a parent is made after its parts; the last one made has depth 0
        {
            depths[group] = parents[group] == 0 ? 0 : depths[parents[group]] + 1;
        }

        if (alone >= 0)
        {
            depths[alone] = 1;
        }

        return depths[..counts.Length];
    }
}
