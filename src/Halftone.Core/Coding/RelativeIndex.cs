namespace Halftone.Coding;

/// <summary>Places of the few elements that are kept, as gaps of r bits (Han, Mao, Dally 2016, Deep Compression, arXiv:1510.00149, figure 2).</summary>
/// <remarks>An entry holds the gap to the element before it, less 1, the first one from -1 on. A gap over 2^r is bridged by fillers: entries of the gap 2^r whose element is the background,
/// a zero, kept like any other; so decoding needs not know them.</remarks>
public static class RelativeIndex
{
    /// <summary>The entries of some places.</summary>
    /// <param name="places">Ascending, from 0 on.</param>
    /// <param name="bits">r, 1 to 16.</param>
    /// <returns>The gaps less 1, and for each entry the number of its place, or -1 for a filler.</returns>
    public static (int[] Gaps, int[] Entries) Encode(ReadOnlySpan<int> places, int bits)
    {
        var gaps = new int[places.Length + Fillers(places, bits)];
        var entries = new int[gaps.Length];
        int at = -1;
        int next = 0;
        for (int i = 0; i < places.Length; i++)
        {
            int gap = places[i] - at - 1;
            for (int fillers = gap >> bits; fillers > 0; fillers--)
            {
                (gaps[next], entries[next++]) = ((1 << bits) - 1, -1);
            }

            (gaps[next], entries[next++]) = (gap & ((1 << bits) - 1), i);
            at = places[i];
        }

        return (gaps, entries);
    }

    /// <summary>Fillers among the entries of some places.</summary>
    public static long Fillers(ReadOnlySpan<int> places, int bits)
    {
        long fillers = 0;
        int at = -1;
        foreach (int place in places)
        {
            fillers += (place - at - 1) >> bits;
            at = place;
        }

        return fillers;
    }

    /// <summary>The place of an entry, a filler's too.</summary>
    /// <param name="before">The place of the entry before it; -1 for the first.</param>
    /// <param name="gap">The gap less 1.</param>
    /// <param name="count">Elements there are.</param>
    /// <exception cref="InvalidDataException">It is beyond them.</exception>
    public static int Next(int before, int gap, int count) =>
        gap < count - 1 - before ? before + gap + 1 : throw new InvalidDataException($"A relative index leads beyond the {count} elements.");
}
