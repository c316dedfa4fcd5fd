using Halftone.Coding;

namespace Halftone.Core.Tests.Coding;

public sealed class PrefixCodeTests
{
    private static readonly Gen<long[]> s_counts = Gen.Frequency((1, Gen.Const(0L)), (3, Gen.Long[1, 5000])).Array[1, 300];

    [Fact]
    public void What_is_written_is_read_and_takes_the_bits_that_were_said() => s_counts.Where(c => c.Any(n => n > 0)).Sample(counts =>
    {
        var code = PrefixCode.For(counts);
        int[] message = [.. Enumerable.Range(0, counts.Length).SelectMany(s => Enumerable.Repeat(s, (int)Math.Min(counts[s], 3)))];
        var writer = new BitWriter();
        code.WriteTable(writer);
        Assert.Equal(code.TableBits(), writer.Length);
        foreach (int symbol in message)
        {
            code.Write(writer, symbol);
        }

        var reader = new BitReader(writer.ToArray());
        var again = PrefixCode.ReadTable(ref reader, counts.Length);
        Assert.Equal(code.Lengths.ToArray(), again.Lengths.ToArray());
        foreach (int symbol in message)
        {
            Assert.Equal(symbol, again.Read(ref reader));
        }

        reader.End();
    });

    // RFC 1951, section 3.2.2: the lengths (3, 3, 3, 3, 3, 2, 4, 4) of A to H give these codes
    [Fact]
    public void Codes_are_the_canonical_ones()
    {
        var code = new PrefixCode([3, 3, 3, 3, 3, 2, 4, 4]);
        string[] codes = ["010", "011", "100", "101", "110", "00", "1110", "1111"];
        for (int symbol = 0; symbol < codes.Length; symbol++)
        {
            var writer = new BitWriter();
            code.Write(writer, symbol);
            Assert.Equal(codes[symbol].Length, writer.Length);
            Assert.Equal(Convert.ToUInt32(codes[symbol].PadRight(8, '0'), 2), writer.ToArray()[0]);
        }
    }

    [Fact]
    public void Alphabets_of_one_and_two_symbols()
    {
        var one = PrefixCode.For([0, 9]);
        Assert.Equal((1, 0), (one.Symbols, one.MessageBits([0, 9])));
        var two = PrefixCode.For([1, 0, 9]);
        Assert.Equal((2, 10), (two.Symbols, two.MessageBits([1, 0, 9])));
        Assert.Throws<ArgumentException>(() => new PrefixCode([1, 2]));
        Assert.Throws<ArgumentException>(() => new PrefixCode([1, 1, 1]));
        Assert.Throws<ArgumentException>(() => new PrefixCode([]));
        Assert.Throws<ArgumentException>(() => PrefixCode.For([0, 0]));
    }

    // any bits at all: a code that is complete, or an error, and never a hang
    [Fact]
    public void Hostile_tables_end_in_an_error() => Gen.Byte.Array[0, 60].Sample(bytes =>
    {
        try
        {
            var reader = new BitReader(bytes);
            var code = PrefixCode.ReadTable(ref reader, 256);
            Assert.Equal(1, code.Symbols == 1 ? 1 : code.Lengths.ToArray().Where(l => l > 0).Sum(l => Math.Pow(2, -l)));
            while (reader.Left > 0 && code.Symbols > 1)
            {
                Assert.InRange(code.Read(ref reader), 0, 255);
            }
        }
        catch (InvalidDataException)
        {
        }
    });
}
