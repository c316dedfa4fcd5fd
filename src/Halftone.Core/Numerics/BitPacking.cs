namespace Halftone.Numerics;

/// <summary>Codes of 1 to 16 bits in bytes without gaps, the lowest bits first.</summary>
/// <remarks>Code i takes the bits [i * bits, (i + 1) * bits) of a stream whose bit k is bit k % 8 of byte k / 8; the last byte is filled up with 0.
/// For 4 bits the first code is the low nibble and for 2 bits four codes share a byte, as ONNX lays out int4, uint4, int2 and uint2.</remarks>
public static class BitPacking
{
    /// <summary>Bytes that hold that many codes.</summary>
    public static int PackedLength(int count, int bits) => checked((int)((((long)count * bits) + 7) / 8));

    /// <summary>The codes as bytes. Of each code the lowest bits are kept: two's complement for signed ones.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Bits outside 1..16.</exception>
    /// <exception cref="ArgumentException">A code that does not fit the bits, signed or unsigned.</exception>
    public static byte[] Pack(ReadOnlySpan<int> codes, int bits)
    {
        RequireBits(bits);
        var bytes = new byte[PackedLength(codes.Length, bits)];
        int low = -(1 << (bits - 1));
        int high = (1 << bits) - 1;
        uint waiting = 0;
        int have = 0;
        int at = 0;
        for (int i = 0; i < codes.Length; i++)
        {
            if (codes[i] < low || codes[i] > high)
            {
                throw new ArgumentException($"Code {codes[i]} at {i} does not fit {bits} bits.", nameof(codes));
            }

            waiting |= ((uint)codes[i] & (uint)high) << have;
            for (have += bits; have >= 8; have -= 8)
            {
                bytes[at++] = (byte)waiting;
                waiting >>= 8;
            }
        }

        if (have > 0)
        {
            bytes[at] = (byte)waiting;
        }

        return bytes;
    }

    /// <summary>The codes of packed bytes.</summary>
    /// <param name="packed">At least <see cref="PackedLength"/> bytes.</param>
    /// <param name="count">How many codes.</param>
    /// <param name="bits">1 to 16.</param>
    /// <param name="signed">Whether the highest bit of a code is its sign.</param>
    /// <exception cref="ArgumentOutOfRangeException">Bits outside 1..16.</exception>
    /// <exception cref="ArgumentException">There are too few bytes.</exception>
    public static int[] Unpack(ReadOnlySpan<byte> packed, int count, int bits, bool signed)
    {
        RequireBits(bits);
        if (packed.Length < PackedLength(count, bits))
        {
            throw new ArgumentException($"{count} codes of {bits} bits take {PackedLength(count, bits)} bytes; there are {packed.Length}.", nameof(packed));
        }

        var codes = new int[count];
        int unused = 32 - bits;
        uint waiting = 0;
        int have = 0;
        int at = 0;
        for (int i = 0; i < count; i++)
        {
            for (; have < bits; have += 8)
            {
                waiting |= (uint)packed[at++] << have;
            }

            uint top = waiting << unused;
            codes[i] = signed ? (int)top >> unused : (int)(top >> unused);
            waiting >>= bits;
            have -= bits;
        }

        return codes;
    }

    private static void RequireBits(int bits)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bits, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bits, 16);
    }
}
