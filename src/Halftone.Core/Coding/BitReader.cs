using System.Buffers.Binary;

namespace Halftone.Coding;

/// <summary>Reads what a <see cref="BitWriter"/> wrote; what is not there ends in an <see cref="InvalidDataException"/>.</summary>
/// <param name="bytes">The bytes.</param>
public ref struct BitReader(ReadOnlySpan<byte> bytes)
{
    private readonly ReadOnlySpan<byte> _bytes = bytes;
    private long _at;

    /// <summary>Bits not read yet, those that fill the last byte among them.</summary>
    public readonly long Left => (8L * _bytes.Length) - _at;

    /// <summary>Reads a number of 0 to 32 bits.</summary>
    /// <exception cref="InvalidDataException">There are fewer.</exception>
    public uint Read(int bits)
    {
        uint value = Peek(bits);
        Skip(bits);
        return value;
    }

    /// <summary>The next 0 to 32 bits, with zeros behind the end.</summary>
    public readonly uint Peek(int bits)
    {
        int first = (int)(_at >> 3);
        ulong window = 0;
        if (first <= _bytes.Length - 8)
        {
            window = BinaryPrimitives.ReadUInt64BigEndian(_bytes[first..]);
        }
        else
        {
            for (int i = 0; i < 8; i++)
            {
                window = (window << 8) | (first + i < _bytes.Length ? _bytes[first + i] : 0u);
            }
        }

        return (uint)((window << (int)(_at & 7)) >> 32 >> (32 - bits));
    }

    /// <summary>Goes on by bits that were looked at.</summary>
    /// <exception cref="InvalidDataException">There are fewer.</exception>
    public void Skip(int bits)
    {
        if (bits > Left)
        {
            throw new InvalidDataException("The coded bits end too early.");
        }

        _at += bits;
    }

    /// <summary>Reads a number that <see cref="BitWriter.WriteGamma"/> wrote.</summary>
    /// <exception cref="InvalidDataException">There is none.</exception>
    public uint ReadGamma()
    {
        int zeros = 0;
        while (Read(1) == 0)
        {
            if (++zeros > 31)
            {
                throw new InvalidDataException("A coded number has more than 32 bits.");
            }
        }

        return (1u << zeros) | Read(zeros);
    }

    /// <summary>Reads bytes.</summary>
    /// <exception cref="InvalidDataException">There are fewer.</exception>
    public void Read(Span<byte> destination)
    {
        for (int i = 0; i < destination.Length; i++)
        {
            destination[i] = (byte)Read(8);
        }
    }

    /// <summary>Ends the reading: nothing may be left but the zeros that fill the last byte.</summary>
    /// <exception cref="InvalidDataException">There is more.</exception>
    public void End()
    {
        if (Left >= 8 || Read((int)Left) != 0)
        {
            throw new InvalidDataException("There are bits behind the coded ones.");
        }
    }
}
