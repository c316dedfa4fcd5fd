namespace Halftone.Coding;

/// <summary>The canonical prefix code of given lengths: codes count upwards over the symbols sorted by (length, symbol), so that the lengths alone say everything.</summary>
/// <remarks>The table in front of a message: how many symbols have a code; runs of symbols without and with a code, in turns, up to the last that has one; the length of the first
/// (5 bits) and the difference of each other to the one before it. Numbers by Elias' gamma code, differences as 0, -1, 1, -2, ... counted from 1. Of a code of one symbol no length is
/// written: its messages take no bits.</remarks>
public sealed class PrefixCode
{
    private const int QuickBits = 10; // codes up to this length are found at one look
    private const int LengthBits = 5;

    private readonly int[] _lengths;
    private readonly uint[] _codes;
    private readonly int[] _sorted; // symbols by (length, symbol)
    private readonly uint[] _quick = new uint[1 << QuickBits]; // symbol * 32 + length; 0 for longer codes
    private readonly uint[] _ends = new uint[Huffman.MostBits + 1]; // the first code that is longer than each length, filled up to MostBits
    private readonly uint[] _firsts = new uint[Huffman.MostBits + 1];
    private readonly int[] _starts = new int[Huffman.MostBits + 1];

    /// <summary>The code of those lengths.</summary>
    /// <param name="lengths">Bits of each symbol's code; 0 for symbols without one. They fill Kraft's sum, sum of 2^-length = 1, or there is one symbol alone.</param>
    /// <exception cref="ArgumentException">There is no such code.</exception>
    public PrefixCode(ReadOnlySpan<int> lengths)
    {
        _lengths = lengths.ToArray();
        _codes = new uint[lengths.Length];
        _sorted = [.. Enumerable.Range(0, lengths.Length).Where(s => _lengths[s] > 0).OrderBy(s => _lengths[s])];
        long room = 1L << Huffman.MostBits;
        foreach (int symbol in _sorted)
        {
            room -= _lengths[symbol] <= Huffman.MostBits ? 1L << (Huffman.MostBits - _lengths[symbol]) : room + 1;
        }

        if (room != 0 && !(_sorted.Length == 1 && _lengths[_sorted[0]] == 1))
        {
            throw new ArgumentException("No complete prefix code has these lengths.", nameof(lengths));
        }

        Number();
    }

    /// <summary>Symbols that have a code.</summary>
    public int Symbols => _sorted.Length;

    /// <summary>Bits of each symbol's code; 0 for symbols without one.</summary>
    public ReadOnlySpan<int> Lengths => _lengths;

    /// <summary>The code with the fewest bits for a message.</summary>
    /// <param name="counts">How often each symbol occurs in it; one of them does.</param>
    public static PrefixCode For(ReadOnlySpan<long> counts) => new(Huffman.Lengths(counts));

    /// <summary>Bits of a message without the table.</summary>
    /// <param name="counts">How often each symbol occurs in it.</param>
    public long MessageBits(ReadOnlySpan<long> counts)
    {
        long bits = 0;
        for (int symbol = 0; Symbols > 1 && symbol < counts.Length; symbol++)
        {
            bits = checked(bits + (counts[symbol] * _lengths[symbol]));
        }

        return bits;
    }

    /// <summary>Writes the code of a symbol.</summary>
    public void Write(BitWriter writer, int symbol)
    {
        if (Symbols > 1)
        {
            writer.Write(_codes[symbol], _lengths[symbol]);
        }
    }

    /// <summary>Reads a symbol.</summary>
    /// <exception cref="InvalidDataException">The bits end too early.</exception>
    public int Read(ref BitReader reader)
    {
        if (Symbols == 1)
        {
            return _sorted[0];
        }

        uint bits = reader.Peek(Huffman.MostBits);
        uint quick = _quick[bits >> (Huffman.MostBits - QuickBits)];
        if (quick > 0)
        {
            reader.Skip((int)(quick & 31));
            return (int)(quick >> 5);
        }

        int length = QuickBits + 1;
        while (bits >= _ends[length])
        {
            length++; // ends: the code is complete, so the last end is beyond every number of MostBits
        }

        reader.Skip(length);
        return _sorted[_starts[length] + (int)((bits - _firsts[length]) >> (Huffman.MostBits - length))];
    }

    /// <summary>Writes the table from which <see cref="ReadTable"/> makes the code.</summary>
    public void WriteTable(BitWriter writer) => Table(writer.WriteGamma, writer.Write);

    /// <summary>Bits of the table.</summary>
    public long TableBits()
    {
        long bits = 0;
        Table(value => bits += BitWriter.GammaBits(value), (_, length) => bits += length);
        return bits;
    }

    /// <summary>Reads a table.</summary>
    /// <param name="reader">Where it stands.</param>
    /// <param name="alphabet">Number of symbols there may be.</param>
    /// <exception cref="InvalidDataException">It is none of a complete code of that many symbols.</exception>
    public static PrefixCode ReadTable(ref BitReader reader, int alphabet)
    {
        uint used = reader.ReadGamma();
        if (used > alphabet)
        {
            throw new InvalidDataException($"A code has {used} symbols of an alphabet of {alphabet}.");
        }

        var symbols = new int[used];
        long at = 0;
        for (uint i = 0; i < used;)
        {
            at += reader.ReadGamma() - 1;
            long run = reader.ReadGamma();
            if (run > used - i || at + run > alphabet)
            {
                throw new InvalidDataException("A code's symbols do not fit its alphabet.");
            }

            for (; run > 0; run--)
            {
                symbols[i++] = (int)at++;
            }
        }

        var lengths = new int[alphabet];
        int length = used > 1 ? (int)reader.Read(LengthBits) : 1;
        for (int i = 0; i < symbols.Length; i++)
        {
            length += i > 0 ? Difference(reader.ReadGamma()) : 0;
            lengths[symbols[i]] = length is >= 1 and <= Huffman.MostBits ? length : throw new InvalidDataException($"A code has {length} bits.");
        }

        try
        {
            return new PrefixCode(lengths);
        }
        catch (ArgumentException error)
        {
            throw new InvalidDataException(error.Message, error);
        }
    }

    private void Table(Action<uint> gamma, Action<uint, int> plain)
    {
        int[] symbols = [.. _sorted.Order()];
        gamma((uint)symbols.Length);
        for (int i = 0, end = 0; i < symbols.Length;)
        {
            int run = 1;
            while (i + run < symbols.Length && symbols[i + run] == symbols[i] + run)
            {
                run++;
            }

            gamma((uint)(symbols[i] - end + 1));
            gamma((uint)run);
            end = symbols[i] + run;
            i += run;
        }

        if (symbols.Length > 1)
        {
            plain((uint)_lengths[symbols[0]], LengthBits);
            for (int i = 1; i < symbols.Length; i++)
            {
                gamma(Counted(_lengths[symbols[i]] - _lengths[symbols[i - 1]]));
            }
        }
    }

    private void Number()
    {
        uint next = 0; // filled up to MostBits
        int done = 0;
        for (int length = 1; length <= Huffman.MostBits; length++)
        {
            (_firsts[length], _starts[length]) = (next, done);
            int left = Huffman.MostBits - length;
            for (; done < _sorted.Length && _lengths[_sorted[done]] == length; done++, next += 1u << left)
            {
                int symbol = _sorted[done];
                _codes[symbol] = next >> left;
                if (length <= QuickBits)
                {
                    _quick.AsSpan((int)(next >> (Huffman.MostBits - QuickBits)), 1 << (QuickBits - length)).Fill(((uint)symbol << 5) | (uint)length);
                }
            }

            _ends[length] = next;
        }
    }

    private static uint Counted(int difference) => (uint)(difference < 0 ? -2 * difference : (2 * difference) + 1);

    private static int Difference(uint counted) => (counted & 1) == 0 ? -(int)Math.Min(counted / 2, 32) : (int)Math.Min(counted / 2, 32);
}
