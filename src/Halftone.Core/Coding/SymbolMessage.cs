using System.Runtime.CompilerServices;
using Halftone.Numerics;

namespace Halftone.Coding;

/// <summary>Symbols of a few bits as a message: under a Huffman code of their own with its table in front, or as they are where that is shorter. A bit in front says which.</summary>
/// <remarks>The symbols stand packed as <see cref="BitPacking"/> does it, as ONNX lays out its integers: symbol i takes the bits [i * width, (i + 1) * width), the lowest first.</remarks>
public static class SymbolMessage
{
    /// <summary>The widest symbol, in bits.</summary>
    public const int MostWidth = 16;

    /// <summary>How often each symbol occurs.</summary>
    /// <param name="packed">The symbols.</param>
    /// <param name="count">Their number.</param>
    /// <param name="width">Bits of a symbol, 1 to 16.</param>
    public static long[] Counts(ReadOnlySpan<byte> packed, long count, int width)
    {
        var counts = new long[1 << width];
        for (long i = 0; i < count; i++)
        {
            counts[At(packed, i, width)]++;
        }

        return counts;
    }

    /// <summary>Exact bits of a message.</summary>
    /// <param name="counts">How often each symbol occurs.</param>
    /// <param name="width">Bits of a symbol.</param>
    public static long Bits(ReadOnlySpan<long> counts, int width)
    {
        long total = 0;
        foreach (long count in counts)
        {
            total += count;
        }

        if (total == 0)
        {
            return 1;
        }

        var code = PrefixCode.For(counts);
        return 1 + Math.Min(total * width, code.TableBits() + code.MessageBits(counts));
    }

    /// <summary>Writes a message.</summary>
    public static void Write(BitWriter writer, ReadOnlySpan<byte> packed, long count, int width)
    {
        long[] counts = Counts(packed, count, width);
        if (count == 0 || Bits(counts, width) > count * width)
        {
            writer.Write(0, 1);
            for (long i = 0; i < count; i++)
            {
                writer.Write((uint)At(packed, i, width), width);
            }

            return;
        }

        writer.Write(1, 1);
        var code = PrefixCode.For(counts);
        code.WriteTable(writer);
        for (long i = 0; i < count; i++)
        {
            code.Write(writer, At(packed, i, width));
        }
    }

    /// <summary>Reads a message.</summary>
    /// <param name="reader">Where it stands.</param>
    /// <param name="packed">Takes the symbols; zeros before.</param>
    /// <param name="count">How many.</param>
    /// <param name="width">Bits of a symbol.</param>
    /// <exception cref="InvalidDataException">There is no such message.</exception>
    public static void Read(ref BitReader reader, Span<byte> packed, long count, int width)
    {
        PrefixCode? code = reader.Read(1) == 1 ? PrefixCode.ReadTable(ref reader, 1 << width) : null;
        for (long i = 0; i < count; i++)
        {
            Put(packed, i, width, code is null ? (int)reader.Read(width) : code.Read(ref reader));
        }
    }

    /// <summary>A packed symbol.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int At(ReadOnlySpan<byte> packed, long index, int width)
    {
        if (width == 8)
        {
            return packed[(int)index];
        }

        long bit = index * width;
        int first = (int)(bit >> 3);
        int shift = (int)(bit & 7);
        uint value = packed[first];
        if (shift + width > 8)
        {
            value |= (uint)packed[first + 1] << 8;
            value |= shift + width > 16 ? (uint)packed[first + 2] << 16 : 0;
        }

        return (int)((value >> shift) & ((1u << width) - 1));
    }

    /// <summary>Sets a packed symbol that was 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Put(Span<byte> packed, long index, int width, int symbol)
    {
        if (width == 8)
        {
            packed[(int)index] = (byte)symbol;
            return;
        }

        long bit = index * width;
        int first = (int)(bit >> 3);
        int shift = (int)(bit & 7);
        uint value = (uint)symbol << shift;
        packed[first] |= (byte)value;
        if (shift + width > 8)
        {
            packed[first + 1] |= (byte)(value >> 8);
            if (shift + width > 16)
            {
                packed[first + 2] |= (byte)(value >> 16);
            }
        }
    }
}
