using Halftone.Coding;
using Halftone.Numerics;

namespace Halftone.Onnx;

/// <summary>A payload of which most elements are the same, the background: the gaps between the others (<see cref="RelativeIndex"/>) and these themselves, fillers among them, each under a Huffman code.</summary>
/// <remarks>Elements are bits (masks), codes of 2 to 16 bits, or wide ones; of these the background is 0. The bits of a gap are those that take the fewest bits in all.</remarks>
internal static class SparseCode
{
    private const int FieldBits = 8;
    private const int WidestGap = 14; // bits
    private const int MostElements = 1 << 27; // places take four bytes each while they are coded

    /// <summary>The width of elements for which most of a payload is background, or 0 where none is.</summary>
    public static int Width(ReadOnlySpan<byte> payload, ElementType type)
    {
        int width = type.Bits();
        if (width is 0 or > 64 || payload.Length * 8L % width != 0 || payload.Length * 8L / width > MostElements)
        {
            return 0;
        }

        // a code takes a bit an element at least, and floats find no use for a code of their zeros: here the background may be rarer
        (_, double share) = Background(payload, width);
        if (share > (width > SymbolMessage.MostWidth ? 0.05 : 0.5))
        {
            return width;
        }

        return width == 8 && payload.Length * 8L <= MostElements && Background(payload, 1).Share > 0.6 ? 1 : 0;
    }

    /// <summary>Writes a payload.</summary>
    public static void Write(BitWriter writer, ReadOnlySpan<byte> payload, int width)
    {
        int background = Background(payload, width).Symbol;
        List<int> kept = [];
        int count = (int)(payload.Length * 8L / width);
        for (int i = 0; i < count; i++)
        {
            if (!Is(payload, i, width, background))
            {
                kept.Add(i);
            }
        }

        ReadOnlySpan<int> places = System.Runtime.InteropServices.CollectionsMarshal.AsSpan(kept);
        int bits = BestBits(places, payload, width, background);
        (int[] gaps, int[] entries) = RelativeIndex.Encode(places, bits);
        writer.Write((uint)width, FieldBits);
        writer.Write((uint)bits, FieldBits);
        writer.Write((uint)background, SymbolMessage.MostWidth);
        writer.Write((uint)gaps.Length, 32);
        SymbolMessage.Write(writer, BitPacking.Pack(gaps, bits), gaps.Length, bits);
        var values = new byte[Bytes(entries.Length, width)];
        for (int e = 0; e < entries.Length; e++)
        {
            Copy(payload, entries[e] < 0 ? -1 : places[entries[e]], values, e, width, background);
        }

        Values(writer, values, entries.Length, width);
    }

    /// <summary>Reads a payload.</summary>
    /// <exception cref="InvalidDataException">It is none.</exception>
    public static void Read(ref BitReader reader, Span<byte> payload)
    {
        (int width, int bits, int background) = ((int)reader.Read(FieldBits), (int)reader.Read(FieldBits), (int)reader.Read(SymbolMessage.MostWidth));
        if (width is not (1 or 2 or 4 or 8 or 16 or 32 or 64) || payload.Length * 8L % width != 0 || payload.Length * 8L / width > MostElements || bits is < 1 or > WidestGap)
        {
            throw new InvalidDataException("The head of a sparse payload is damaged.");
        }

        int count = (int)(payload.Length * 8L / width);
        uint entries = reader.Read(32);
        if (entries > count || (width <= SymbolMessage.MostWidth ? background >> width : background) != 0)
        {
            throw new InvalidDataException($"A sparse payload of {count} elements has {entries} entries.");
        }

        var gaps = new byte[Bytes((int)entries, bits)];
        SymbolMessage.Read(ref reader, gaps, entries, bits);
        var values = new byte[Bytes((int)entries, width)];
        if (width <= SymbolMessage.MostWidth)
        {
            SymbolMessage.Read(ref reader, values, entries, width);
        }
        else
        {
            PayloadCoder.ReadDense(ref reader, (PayloadCode)reader.Read(FieldBits), values);
        }

        int filled = 0;
        for (int e = 0, place = -1; e < entries; e++, filled = place + 1)
        {
            place = RelativeIndex.Next(place, SymbolMessage.At(gaps, e, bits), count);
            Fill(payload, filled, place, width, background);
            Copy(values, e, payload, place, width, background);
        }

        Fill(payload, filled, count, width, background);
    }

    private static void Fill(Span<byte> payload, int from, int to, int width, int background)
    {
        for (int i = from; background != 0 && i < to; i++)
        {
            SymbolMessage.Put(payload, i, width, background);
        }
    }

    private static void Values(BitWriter writer, byte[] values, int count, int width)
    {
        if (width <= SymbolMessage.MostWidth)
        {
            SymbolMessage.Write(writer, values, count, width);
        }
        else
        {
            PayloadCoder.Dense(writer, values, width);
        }
    }

    // the most frequent symbol and its share; of wide elements the zeros
    private static (int Symbol, double Share) Background(ReadOnlySpan<byte> payload, int width)
    {
        long count = payload.Length * 8L / width;
        if (width <= SymbolMessage.MostWidth)
        {
            long[] counts = SymbolMessage.Counts(payload, count, width);
            int most = Array.IndexOf(counts, counts.Max());
            return (most, (double)counts[most] / count);
        }

        long zeros = 0;
        for (int i = 0; i < count; i++)
        {
            zeros += Is(payload, i, width, 0) ? 1 : 0;
        }

        return (0, (double)zeros / count);
    }

    private static int BestBits(ReadOnlySpan<int> places, ReadOnlySpan<byte> payload, int width, int background)
    {
        Dictionary<int, long> gaps = [];
        for (int i = 0, before = -1; i < places.Length; before = places[i++])
        {
            int gap = places[i] - before - 1;
            gaps[gap] = gaps.GetValueOrDefault(gap) + 1;
        }

        long[] values = width <= SymbolMessage.MostWidth ? SymbolMessage.Counts(payload, payload.Length * 8L / width, width) : [0];
        (long Cost, int Bits) best = (long.MaxValue, 1);
        for (int bits = 1; bits <= WidestGap; bits++)
        {
            var counts = new long[1 << bits];
            long fillers = 0;
            foreach ((int gap, long times) in gaps)
            {
                counts[gap & ((1 << bits) - 1)] += times;
                fillers += times * (gap >> bits);
            }

            counts[^1] += fillers;
            values[background] = fillers;
            long cost = SymbolMessage.Bits(counts, bits) + (width <= SymbolMessage.MostWidth ? SymbolMessage.Bits(values, width) : fillers * width);
            best = cost < best.Cost ? (cost, bits) : best;
        }

        return best.Bits;
    }

    private static int Bytes(int count, int width) => checked((int)(((long)count * width) + 7) / 8);

    private static bool Is(ReadOnlySpan<byte> payload, int i, int width, int background) =>
        width <= SymbolMessage.MostWidth ? SymbolMessage.At(payload, i, width) == background : payload.Slice(i * (width / 8), width / 8).IndexOfAnyExcept((byte)0) < 0;

    // an element from one place to another; -1 stands for a filler
    private static void Copy(ReadOnlySpan<byte> from, int i, Span<byte> to, int j, int width, int background)
    {
        if (width <= SymbolMessage.MostWidth)
        {
            SymbolMessage.Put(to, j, width, i < 0 ? background : SymbolMessage.At(from, i, width));
        }
        else if (i >= 0)
        {
            from.Slice(i * (width / 8), width / 8).CopyTo(to[(j * (width / 8))..]);
        }
    }
}
