using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Halftone.Engine.Kernels.Vectors;

/// <summary>16 sums in two registers.</summary>
internal readonly struct Sums256(Vector256<int> low, Vector256<int> high)
{
    public readonly Vector256<int> Low = low;
    public readonly Vector256<int> High = high;
}

/// <summary>16 quads of bytes in two registers.</summary>
internal readonly struct Quads256(Vector256<byte> low, Vector256<byte> high)
{
    public readonly Vector256<byte> Low = low;
    public readonly Vector256<byte> High = high;

    /// <summary>The quads of four rows of 16 bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe Quads256 Interleave(byte* first, byte* second, byte* third, byte* fourth)
    {
        Vector128<byte> a = Vector128.Load(first), b = Vector128.Load(second), c = Vector128.Load(third), d = Vector128.Load(fourth);
        Vector128<short> abLow = Sse2.UnpackLow(a, b).AsInt16(), abHigh = Sse2.UnpackHigh(a, b).AsInt16();
        Vector128<short> cdLow = Sse2.UnpackLow(c, d).AsInt16(), cdHigh = Sse2.UnpackHigh(c, d).AsInt16();
        return new(
            Vector256.Create(Sse2.UnpackLow(abLow, cdLow), Sse2.UnpackHigh(abLow, cdLow)).AsByte(),
            Vector256.Create(Sse2.UnpackLow(abHigh, cdHigh), Sse2.UnpackHigh(abHigh, cdHigh)).AsByte());
    }
}
