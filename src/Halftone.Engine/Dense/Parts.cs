namespace Halftone.Engine.Dense;

/// <summary>How work is split.</summary>
internal static class Parts
{
    /// <summary>Fewer elements are not worth a part.</summary>
    private const int Grain = 4096;

    /// <summary>Parts begin at multiples of it and hold as many elements at least: a vector function then never meets a tail that it would not meet in the whole.</summary>
    private const int Block = 64;

    /// <summary>How many parts so many elements can be split into.</summary>
    public static int Most(long count) => (int)Math.Clamp(count / Grain, 1, 1024);

    /// <summary>The elements of one part.</summary>
    public static (long From, long To) Range(long count, int part, int parts)
    {
        long blocks = count / Block;
        long from = blocks * part / parts * Block;
        return (from, part == parts - 1 ? count : blocks * (part + 1) / parts * Block);
    }

    /// <summary>How many parts so many units can be split into: rows, planes or runs, each of which is worth a part.</summary>
    public static int MostUnits(int count) => Math.Max(count, 1);

    /// <summary>The units of one part: neighbours, and as many as those of any other part, or one less.</summary>
    public static (int Begin, int End) Units(int count, int part, int parts) =>
        ((int)((long)count * part / parts), (int)((long)count * (part + 1) / parts));
}
