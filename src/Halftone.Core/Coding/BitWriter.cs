using System.Numerics;

namespace Halftone.Coding;

/// <summary>Bits one after another, the highest of each number first; the last byte is filled up with 0.</summary>
public sealed class BitWriter
{
    private byte[] _bytes = new byte[256];
    private int _length;
    private ulong _waiting;
    private int _have;

    /// <summary>Bits written so far.</summary>
    public long Length => (8L * _length) + _have;

    /// <summary>Writes the lowest bits of a number.</summary>
    /// <param name="value">The number.</param>
    /// <param name="bits">0 to 32.</param>
    public void Write(uint value, int bits)
    {
        _waiting = (_waiting << bits) | (value & ((1UL << bits) - 1));
        for (_have += bits; _have >= 8; _have -= 8)
        {
            if (_length == _bytes.Length)
            {
                Array.Resize(ref _bytes, (int)Math.Min(2L * _length, Array.MaxLength));
            }

            _bytes[_length++] = (byte)(_waiting >> (_have - 8));
        }
    }

    /// <summary>Writes a number from 1 on by Elias' gamma code (1975): as many zeros as it has bits but one, then its bits.</summary>
    public void WriteGamma(uint value)
    {
        ArgumentOutOfRangeException.ThrowIfZero(value);
        int bits = BitOperations.Log2(value);
        Write(0, bits);
        Write(value, bits + 1);
    }

    /// <summary>Writes bytes.</summary>
    public void Write(ReadOnlySpan<byte> bytes)
    {
        foreach (byte value in bytes)
        {
            Write(value, 8);
        }
    }

    /// <summary>What was written.</summary>
    public byte[] ToArray()
    {
        var all = new byte[_length + (_have > 0 ? 1 : 0)];
        _bytes.AsSpan(0, _length).CopyTo(all);
        if (_have > 0)
        {
            all[^1] = (byte)(_waiting << (8 - _have));
        }

        return all;
    }

    /// <summary>Bits that Elias' gamma code takes for a number from 1 on.</summary>
    public static int GammaBits(uint value) => (2 * BitOperations.Log2(value)) + 1;
}
