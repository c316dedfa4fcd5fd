using Halftone.Coding;

namespace Halftone.Core.Tests.Coding;

public sealed class HuffmanTests
{
    private static readonly Gen<long[]> s_counts = Gen.Long[0, 1000].Array[1, 40];

    // Huffman's bound: entropy <= length < entropy + 1; and a full tree, whose lengths fill Kraft's sum
    [Fact]
    public void The_code_is_complete_and_within_a_bit_of_the_entropy() => s_counts.Where(c => c.Count(n => n > 0) > 1).Sample(counts =>
    {
        int[] lengths = Huffman.Lengths(counts);
        Assert.Equal(1, lengths.Where(l => l > 0).Sum(l => Math.Pow(2, -l)), 12);
        double total = counts.Sum();
        double entropy = -counts.Where(c => c > 0).Sum(c => c / total * Math.Log2(c / total));
        double mean = counts.Zip(lengths, (c, l) => c * l).Sum() / total;
        Assert.InRange(mean, entropy - 1e-9, entropy + 1);
        Assert.All(counts.Zip(lengths), p => Assert.Equal(p.First == 0, p.Second == 0));
    });

    // against every way to give four symbols lengths that Kraft's inequality allows
    [Fact]
    public void No_other_prefix_code_is_shorter() => Gen.Long[1, 50].Array[4].Sample(counts =>
    {
        long best = long.MaxValue;
        for (int code = 0; code < 256; code++)
        {
            int[] lengths = [1 + (code & 3), 1 + (code >> 2 & 3), 1 + (code >> 4 & 3), 1 + (code >> 6)];
            if (lengths.Sum(l => Math.Pow(2, -l)) <= 1)
            {
                best = Math.Min(best, counts.Zip(lengths, (c, l) => c * l).Sum());
            }
        }

        Assert.Equal(best, Huffman.Lengths(counts).Zip(counts, (l, c) => c * l).Sum());
    });

    [Fact]
    public void Known_lengths_and_the_smallest_alphabets()
    {
        Assert.Equal([4, 4, 3, 3, 3, 1], Huffman.Lengths([5, 9, 12, 13, 16, 45])); // Cormen et al., Introduction to Algorithms, section 16.3
        Assert.Equal([0, 1, 0], Huffman.Lengths([0, 7, 0]));
        Assert.Equal([0, 0], Huffman.Lengths([0, 0]));
        Assert.Empty(Huffman.Lengths([]));
        Assert.Equal([1, 1], Huffman.Lengths([1, 1_000_000]));
        Assert.Throws<ArgumentOutOfRangeException>(() => Huffman.Lengths([1, -1]));
    }

    // counts like Fibonacci's numbers make the deepest tree: every joining takes the joined group again
    [Fact]
    public void No_code_is_longer_than_the_cap_and_capped_codes_are_complete()
    {
        long[] fibonacci = new long[40];
        (fibonacci[0], fibonacci[1]) = (1, 1);
        for (int i = 2; i < fibonacci.Length; i++)
        {
            fibonacci[i] = fibonacci[i - 1] + fibonacci[i - 2];
        }

        Assert.Equal(Huffman.MostBits, Huffman.Lengths(fibonacci.AsSpan(0, Huffman.MostBits + 1)).Max());
        int[] lengths = Huffman.Lengths(fibonacci);
        Assert.InRange(lengths.Max(), 1, Huffman.MostBits);
        Assert.Equal(1, lengths.Sum(l => Math.Pow(2, -l)));
        double total = fibonacci.Sum();
        double entropy = -fibonacci.Sum(c => c / total * Math.Log2(c / total));
        Assert.InRange(fibonacci.Zip(lengths, (c, l) => c * l).Sum() / total, entropy, entropy + 1);
    }
}
