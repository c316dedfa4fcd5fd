using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Halftone.Onnx;

namespace Halftone.Engine.Kernels.Pointwise;

/// <summary>Codes of 4 or 2 bits, as ONNX packs them: the first in the lowest bits of a byte.</summary>
internal sealed unsafe class PackedCodes
{
    private readonly uint[] _bytes = new uint[256]; // what each packed byte holds, a code a byte
    private readonly bool _isFour;
    private readonly byte _sign; // of 4 bits; 0 for unsigned ones

    /// <summary>Readies their unpacking.</summary>
    /// <param name="type">Int4, UInt4, Int2 or UInt2.</param>
    public PackedCodes(ElementType type)
    {
        Together = 8 / type.Bits();
        _isFour = type.Bits() == 4;
        _sign = type is ElementType.Int4 ? (byte)8 : (byte)0;
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
        if (_isFour && Sse2.IsSupported)
        {
            for (; count >= 2 * Vector128<byte>.Count; count -= 2 * Vector128<byte>.Count)
            {
                Vector128<byte> bytes = Vector128.Load(packed), mask = Vector128.Create((byte)0xF);
                Vector128<byte> low = Signed(bytes & mask), high = Signed((bytes.AsUInt16() >>> 4).AsByte() & mask);
                Sse2.UnpackLow(low, high).Store(codes);
                Sse2.UnpackHigh(low, high).Store(codes + Vector128<byte>.Count);
                packed += Vector128<byte>.Count;
                codes += 2 * Vector128<byte>.Count;
            }
        }

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

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Vector128<byte> Signed(Vector128<byte> codes) => (codes ^ Vector128.Create(_sign)) - Vector128.Create(_sign);
}
