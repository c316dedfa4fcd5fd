using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Halftone.Engine.Kernels.Winograd;

/// <summary>The inputs of tiles in the transformed domain: B' x B, as <see cref="WinogradTransform"/> has it.</summary>
internal static unsafe class WinogradInputs
{
    private const int Side = WinogradTransform.Inputs;

    /// <summary>Transforms a tile.</summary>
    /// <param name="x">The first pixel.</param>
    /// <param name="line">Bytes from a line to the next.</param>
    /// <param name="channels">Channels, a multiple of <see cref="WinogradTransform.Lanes"/>; bytes from a pixel to the next.</param>
    /// <param name="places">Receives [place][channel].</param>
    /// <param name="stride">Numbers from a place to the next.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Transform(byte* x, nint line, int channels, short* places, nint stride)
    {
        for (int c = 0; c < channels; c += WinogradTransform.Lanes)
        {
            Halves(x + c, line, channels, places + c, stride);
        }
    }

    /// <summary>Half of the lines at a time, so that all of them stay in registers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Halves(byte* x, nint line, nint pixel, short* to, nint stride)
    {
        Upper(x, line, out Vector256<short> a0, out Vector256<short> b0, out Vector256<short> c0);
        Upper(x + pixel, line, out Vector256<short> a1, out Vector256<short> b1, out Vector256<short> c1);
        Upper(x + (2 * pixel), line, out Vector256<short> a2, out Vector256<short> b2, out Vector256<short> c2);
        Upper(x + (3 * pixel), line, out Vector256<short> a3, out Vector256<short> b3, out Vector256<short> c3);
        Upper(x + (4 * pixel), line, out Vector256<short> a4, out Vector256<short> b4, out Vector256<short> c4);
        Upper(x + (5 * pixel), line, out Vector256<short> a5, out Vector256<short> b5, out Vector256<short> c5);
        Line(a0, a1, a2, a3, a4, a5, to, stride);
        Line(b0, b1, b2, b3, b4, b5, to + (Side * stride), stride);
        Line(c0, c1, c2, c3, c4, c5, to + (2 * Side * stride), stride);
        Lower(x, line, out a0, out b0, out c0);
        Lower(x + pixel, line, out a1, out b1, out c1);
        Lower(x + (2 * pixel), line, out a2, out b2, out c2);
        Lower(x + (3 * pixel), line, out a3, out b3, out c3);
        Lower(x + (4 * pixel), line, out a4, out b4, out c4);
        Lower(x + (5 * pixel), line, out a5, out b5, out c5);
        Line(a0, a1, a2, a3, a4, a5, to + (3 * Side * stride), stride);
        Line(b0, b1, b2, b3, b4, b5, to + (4 * Side * stride), stride);
        Line(c0, c1, c2, c3, c4, c5, to + (5 * Side * stride), stride);
    }

    /// <summary>The first three lines of B' times a column.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Upper(byte* x, nint line, out Vector256<short> y0, out Vector256<short> y1, out Vector256<short> y2)
    {
        Vector256<short> x2 = Load(x + (2 * line)), x4 = Load(x + (4 * line));
        Vector256<short> a = x4 - (x2 << 2), b = Load(x + (3 * line)) - (Load(x + line) << 2);
        y0 = ((Load(x) - x2) << 2) + (x4 - x2);
        y1 = a + b;
        y2 = a - b;
    }

    /// <summary>The last three.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Lower(byte* x, nint line, out Vector256<short> y3, out Vector256<short> y4, out Vector256<short> y5)
    {
        Vector256<short> x3 = Load(x + (3 * line));
        Vector256<short> even = Load(x + (4 * line)) - Load(x + (2 * line)), odd = x3 - Load(x + line), twice = odd + odd;
        y3 = even + twice;
        y4 = even - twice;
        y5 = Load(x + (5 * line)) - x3 - (twice + twice);
    }

    /// <summary>Six values times B.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Line(Vector256<short> x0, Vector256<short> x1, Vector256<short> x2, Vector256<short> x3, Vector256<short> x4, Vector256<short> x5, short* to, nint stride)
    {
        Vector256<short> even = x4 - x2, odd = x3 - x1, twice = odd + odd;
        Vector256<short> a = x4 - (x2 << 2), b = x3 - (x1 << 2);
        (((x0 - x2) << 2) + even).Store(to);
        (a + b).Store(to + stride);
        (a - b).Store(to + (2 * stride));
        (even + twice).Store(to + (3 * stride));
        (even - twice).Store(to + (4 * stride));
        (x5 - x3 - (twice + twice)).Store(to + (5 * stride));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<short> Load(byte* pixel) => Avx2.ConvertToVector256Int16(pixel);
}
