using Halftone.Coding;

namespace Halftone.Core.Tests.Coding;

public sealed class RelativeIndexTests
{
    // Deep Compression, figure 2: places 1, 4 and 15 with 3 bits; the gap of 11 needs a filler at 12
    [Fact]
    public void The_example_of_the_paper()
    {
        (int[] gaps, int[] entries) = RelativeIndex.Encode([1, 4, 15], 3);
        Assert.Equal([1, 2, 7, 2], gaps); // gaps 2, 3, 8, 3, less 1
        Assert.Equal([0, 1, -1, 2], entries);
        Assert.Equal([1, 4, 12, 15], Places(gaps, 16));
    }

    [Fact]
    public void Any_places_come_back_with_any_bits() => Gen.Select(Gen.Int[0, 3000].Array[0, 60], Gen.Int[1, 12]).Sample((drawn, bits) =>
    {
        int[] places = [.. drawn.Distinct().Order()];
        (int[] gaps, int[] entries) = RelativeIndex.Encode(places, bits);
        Assert.All(gaps, g => Assert.InRange(g, 0, (1 << bits) - 1));
        Assert.Equal(places.Length + RelativeIndex.Fillers(places, bits), gaps.Length);
        int[] all = Places(gaps, 3001);
        Assert.Equal(places, all.Where((_, e) => entries[e] >= 0));
        Assert.Equal(places, entries.Where(e => e >= 0).Select(e => places[e]));
        Assert.DoesNotContain(all.Where((_, e) => entries[e] < 0), places.Contains);
    });

    [Fact]
    public void The_gap_of_exactly_the_most_needs_no_filler_and_one_more_does()
    {
        Assert.Equal(0, RelativeIndex.Fillers([31], 5));
        Assert.Equal(1, RelativeIndex.Fillers([32], 5));
        Assert.Equal(2, RelativeIndex.Fillers([0, 65], 5));
        Assert.Empty(RelativeIndex.Encode([], 5).Gaps);
        Assert.Throws<InvalidDataException>(() => RelativeIndex.Next(3, 4, 8));
        Assert.Throws<InvalidDataException>(() => RelativeIndex.Next(int.MaxValue - 2, int.MaxValue, int.MaxValue));
        Assert.Equal(7, RelativeIndex.Next(3, 3, 8));
    }

    private static int[] Places(int[] gaps, int count)
    {
        int at = -1;
        return [.. gaps.Select(g => at = RelativeIndex.Next(at, g, count))];
    }
}
