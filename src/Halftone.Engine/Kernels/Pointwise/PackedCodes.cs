using System.Runtime.CompilerServices;
using Halftone.Onnx;

namespace Halftone.Engine.Kernels.Pointwise;

/// <summary>Codes of 4 or 2 bits, as ONNX packs them: the first in the lowest bits of a byte.</summary>
internal sealed unsafe class PackedCodes
{
    private readonly uint[] _bytes = new uint[256]; // what each packed byte holds, a code a byte

    /// <summary>Readies their unpacking.</summary>
    /// <param name="type">Int4, UInt4, Int2 or UInt2.</param>
    public PackedCodes(ElementType type)
    {
        Together = 8 / type.Bits();
        byte[] packed = new byte[1];
        for (int i = 0; i < _bytes.Length; i++)
        {
            packed[0] = (byte)i;
            ReadOnlySpan<byte> codes = new Tensor(type, [Together], packed).Widened().Bytes;
            for (int j = 0; j < codes.Length; j++)
            {
                _bytes[i] |= (uint)codes[j] << (8 * j);
            }
        }
    }

    /// <summary>Codes of a byte.</summary>
    public int Together { get; }

    /// <summary>Unpacks neighbouring codes to bytes, signed where they are.</summary>
    /// <param name="packed">The byte of the first.</param>
    /// <param name="codes">Receives them.</param>
    /// <param name="count">How many.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Unpack(byte* packed, byte* codes, int count)
    {
        int whole = count / Together;
        fixed (uint* bytes = _bytes)
        {
            for (int i = 0; i < whole; i++, codes += Together)
            {
                if (Together == 2)
                {
                    Unsafe.WriteUnaligned(codes, (ushort)bytes[packed[i]]);
                }
                else
                {
                    Unsafe.WriteUnaligned(codes, bytes[packed[i]]);
                }
            }

            for (int j = 0; j < count % Together; j++)
            {
                codes[j] = (byte)(bytes[packed[whole]] >> (8 * j));
            }
        }
    }
}
