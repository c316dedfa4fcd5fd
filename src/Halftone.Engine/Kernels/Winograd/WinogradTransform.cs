using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Halftone.Engine.Kernels.Winograd;

/// <summary>The transforms of Winograd's F(4x4, 3x3) over the points 0, 1, -1, 2, -2 and infinity, in integers that lose nothing.</summary>
/// <remarks>
/// Y = A' [(G w G') * (B' x B)] A with B' of whole numbers and G of 24ths. 24 G is whole: what a tile comes out as is 576 times its sums.
/// The last row of 24 G is halved, and the last column of A' doubled for it, so that weights fit 16 bits: 144 * 128 is their most.
/// Inputs of 8 bits fit too: 17,340 is their most. Sums and what follows wrap at 32 bits, which loses nothing either: 576 is 64 * 9, 9 has an inverse modulo 2^32,
/// and so 64 times the sum is left, exact if the sum has 26 bits (<see cref="Fits"/>).
/// </remarks>
internal static unsafe class WinogradTransform
{
    /// <summary>Outputs of a tile along an axis.</summary>
    public const int Outputs = 4;

    /// <summary>Inputs of a tile along an axis.</summary>
    public const int Inputs = 6;

    /// <summary>Places of a tile in the transformed domain.</summary>
    public const int Places = Inputs * Inputs;

    /// <summary>Input channels that are transformed at once.</summary>
    public const int Lanes = 16;

    /// <summary>The inverse of 9 modulo 2^32.</summary>
    public const int InverseOfNine = 0x38E38E39;

    /// <summary>How many bits what remains is raised by.</summary>
    public const int Raised = 6;

    /// <summary>The place whose part every output of the tile gets once.</summary>
    public const int BiasPlace = Inputs + 1;

    private const int Taps = 3;

    private static ReadOnlySpan<sbyte> G => [6, 0, 0, -4, -4, -4, -4, 4, -4, 1, 2, 4, 1, -2, 4, 0, 0, 12];

    /// <summary>Whether every sum that inputs of 8 bits can lead to has 26 bits.</summary>
    /// <param name="weights">[outputs, 3, 3, inputs].</param>
    /// <param name="bias">[outputs].</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)] // every weight passes here while loading
    public static bool Fits(ReadOnlySpan<sbyte> weights, ReadOnlySpan<int> bias)
    {
        const long Most = (1L << (31 - Raised)) - 1;
        int each = weights.Length / bias.Length;
        for (int n = 0; n < bias.Length; n++)
        {
            long least = 0, most = 0;
            foreach (sbyte w in weights.Slice(n * each, each))
            {
                least += Math.Min((int)w, 0);
                most += Math.Max((int)w, 0);
            }

            if ((255 * most) + Math.Abs((long)bias[n]) > Most || (255 * least) - Math.Abs((long)bias[n]) < -Most)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Transforms the weights of one output and one input channel.</summary>
    /// <param name="weights">The first tap.</param>
    /// <param name="stride">From a tap to the next.</param>
    /// <param name="places">Receives <see cref="Places"/> numbers.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Weights(ReadOnlySpan<sbyte> weights, int stride, Span<short> places)
    {
        Span<int> lines = stackalloc int[Inputs * Taps];
        for (int s = 0; s < Taps; s++)
        {
            (int w0, int w1, int w2) = (weights[s * stride], weights[(Taps + s) * stride], weights[((2 * Taps) + s) * stride]);
            for (int i = 0; i < Inputs; i++)
            {
                lines[(i * Taps) + s] = (G[i * Taps] * w0) + (G[(i * Taps) + 1] * w1) + (G[(i * Taps) + 2] * w2);
            }
        }

        for (int i = 0; i < Inputs; i++)
        {
            (int w0, int w1, int w2) = (lines[i * Taps], lines[(i * Taps) + 1], lines[(i * Taps) + 2]);
            for (int j = 0; j < Inputs; j++)
            {
                places[(i * Inputs) + j] = (short)((G[j * Taps] * w0) + (G[(j * Taps) + 1] * w1) + (G[(j * Taps) + 2] * w2));
            }
        }
    }

    /// <summary>Transforms the inputs of a tile: B' x B.</summary>
    /// <param name="x">The first pixel.</param>
    /// <param name="line">Bytes from a line to the next.</param>
    /// <param name="channels">Channels, a multiple of <see cref="Lanes"/>; bytes from a pixel to the next.</param>
    /// <param name="places">Receives them, [place][channel].</param>
    /// <param name="stride">Numbers from a place to the next.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Input(byte* x, nint line, int channels, short* places, nint stride)
    {
        for (int c = 0; c < channels; c += Lanes)
        {
            Upper(x + c, line, channels, places + c, stride);
            Lower(x + c, line, channels, places + c + (3 * Inputs * stride), stride);
        }
    }

    // half of the lines at a time, so that all of them stay in registers

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Upper(byte* x, nint line, nint pixel, short* to, nint stride)
    {
        Upper(x, line, out Vector256<short> a0, out Vector256<short> b0, out Vector256<short> c0);
        Upper(x + pixel, line, out Vector256<short> a1, out Vector256<short> b1, out Vector256<short> c1);
        Upper(x + (2 * pixel), line, out Vector256<short> a2, out Vector256<short> b2, out Vector256<short> c2);
        Upper(x + (3 * pixel), line, out Vector256<short> a3, out Vector256<short> b3, out Vector256<short> c3);
        Upper(x + (4 * pixel), line, out Vector256<short> a4, out Vector256<short> b4, out Vector256<short> c4);
        Upper(x + (5 * pixel), line, out Vector256<short> a5, out Vector256<short> b5, out Vector256<short> c5);
        Line(a0, a1, a2, a3, a4, a5, to, stride);
        Line(b0, b1, b2, b3, b4, b5, to + (Inputs * stride), stride);
        Line(c0, c1, c2, c3, c4, c5, to + (2 * Inputs * stride), stride);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Lower(byte* x, nint line, nint pixel, short* to, nint stride)
    {
        Lower(x, line, out Vector256<short> a0, out Vector256<short> b0, out Vector256<short> c0);
        Lower(x + pixel, line, out Vector256<short> a1, out Vector256<short> b1, out Vector256<short> c1);
        Lower(x + (2 * pixel), line, out Vector256<short> a2, out Vector256<short> b2, out Vector256<short> c2);
        Lower(x + (3 * pixel), line, out Vector256<short> a3, out Vector256<short> b3, out Vector256<short> c3);
        Lower(x + (4 * pixel), line, out Vector256<short> a4, out Vector256<short> b4, out Vector256<short> c4);
        Lower(x + (5 * pixel), line, out Vector256<short> a5, out Vector256<short> b5, out Vector256<short> c5);
        Line(a0, a1, a2, a3, a4, a5, to, stride);
        Line(b0, b1, b2, b3, b4, b5, to + (Inputs * stride), stride);
        Line(c0, c1, c2, c3, c4, c5, to + (2 * Inputs * stride), stride);
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
