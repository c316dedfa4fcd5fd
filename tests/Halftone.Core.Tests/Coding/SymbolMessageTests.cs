using Halftone.Coding;
using Halftone.Numerics;

namespace Halftone.Core.Tests.Coding;

public sealed class SymbolMessageTests
{
    [Fact]
    public void Messages_of_any_width_come_back_and_take_the_bits_that_were_said() =>
        Gen.Select(Gen.Int[1, 16], Gen.Int[0, 400], Gen.Int, Gen.Int[1, 16]).Sample((width, count, seed, used) =>
        {
            var random = new CounterRandom(seed);
            int[] symbols = [.. Enumerable.Range(0, count).Select(i => (int)(random.Bits(i) >> 40) & ((1 << Math.Min(width, used)) - 1))];
            byte[] packed = BitPacking.Pack(symbols, width);
            Assert.Equal(symbols, Enumerable.Range(0, count).Select(i => SymbolMessage.At(packed, i, width)));
            var writer = new BitWriter();
            SymbolMessage.Write(writer, packed, count, width);
            Assert.Equal(SymbolMessage.Bits(SymbolMessage.Counts(packed, count, width), width), writer.Length);
            Assert.InRange(writer.Length, 1, 1 + ((long)count * width));

            var reader = new BitReader(writer.ToArray());
            var again = new byte[packed.Length];
            SymbolMessage.Read(ref reader, again, count, width);
            reader.End();
            Assert.Equal(packed, again);
        });

    // Han et al. 2016: k-means with 16 centroids on bell-shaped weights; what is coded is the entropy and less than a bit more, the table included
    [Fact]
    public void Bell_shaped_codes_take_what_their_entropy_predicts()
    {
        var random = new CounterRandom(3);
        double[] levels = [.. Enumerable.Range(0, 16).Select(k => -3 + (0.4 * k))];
        int[] codes = [.. Enumerable.Range(0, 100_000).Select(i => Normal.Quantile(Math.Clamp(random.Uniform(i), 1e-9, 1 - 1e-9))).Select(w => Array.IndexOf(levels, levels.MinBy(l => Math.Abs(l - w))))];
        long[] counts = [.. Enumerable.Range(0, 16).Select(k => codes.LongCount(c => c == k))];
        double entropy = -counts.Where(c => c > 0).Sum(c => (double)c / codes.Length * Math.Log2((double)c / codes.Length));
        var writer = new BitWriter();
        SymbolMessage.Write(writer, BitPacking.Pack(codes, 4), codes.Length, 4);
        long predicted = counts.Zip(Huffman.Lengths(counts), (c, l) => c * l).Sum();
        Assert.InRange(writer.Length, predicted, predicted * 1.01);
        Assert.InRange((double)writer.Length / codes.Length, entropy, entropy + 0.1); // far from 4
    }

    [Fact]
    public void A_message_of_one_symbol_takes_its_table_alone()
    {
        var writer = new BitWriter();
        SymbolMessage.Write(writer, new byte[100_000], 100_000, 8);
        Assert.InRange(writer.Length, 1, 8);
        var reader = new BitReader(writer.ToArray());
        var again = new byte[100_000];
        again.AsSpan().Fill(7);
        SymbolMessage.Read(ref reader, again, again.Length, 8);
        Assert.All(again, b => Assert.Equal(0, b));
    }

    [Fact]
    public void Messages_that_are_cut_off_are_refused()
    {
        var writer = new BitWriter();
        SymbolMessage.Write(writer, [1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1], 24, 8);
        byte[] whole = writer.ToArray();
        for (int length = 0; length < whole.Length - 1; length++)
        {
            Assert.Throws<InvalidDataException>(() =>
            {
                var reader = new BitReader(whole.AsSpan(0, length));
                SymbolMessage.Read(ref reader, new byte[24], 24, 8);
            });
        }
    }
}
