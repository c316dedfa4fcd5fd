using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Halftone.Engine.Kernels.LowBit;

/// <summary>Rows of x as 8-bit integers, in tiles of a few rows.</summary>
/// <remarks>A tile has, block after block: the integers of every row, padded with zeros; a float s a row; an integer a row that a sum of code * q starts at. That is minus the sum of q, times
/// the zero point where all blocks have the same.</remarks>
internal static unsafe class LowBitActivations
{
    /// <summary>Bytes of a row in a tile.</summary>
    public static int RowBytes(LowBitPanels panels) => panels.Problem.Blocks * (panels.PaddedLength + sizeof(float) + sizeof(int));

    /// <summary>Writes a tile.</summary>
    public static void Quantize(LowBitPanels panels, float* x, int rows, byte* tile)
    {
        int k = panels.Problem.K;
        int padded = panels.PaddedLength;
        int factor = -(panels.UniformZero ?? 1);
        for (int first = 0; first < k; first += panels.BlockLength)
        {
            int count = Math.Min(panels.BlockLength, k - first);
            var scales = (float*)(tile + ((long)rows * padded));
            var starts = (int*)(scales + rows);
            for (int row = 0; row < rows; row++)
            {
                var q = (sbyte*)tile + ((long)row * padded);
                scales[row] = Block(x + ((long)row * k) + first, count, q, out int sum);
                new Span<sbyte>(q + count, padded - count).Clear();
                starts[row] = factor * sum;
            }

            tile = (byte*)(starts + rows);
        }
    }

    private static float Block(float* x, int count, sbyte* q, out int sum)
    {
        float s = Largest(x, count) / 127;
        sum = 0;
        if (s == 0 || !float.IsFinite(s))
        {
            new Span<sbyte>(q, count).Clear();
            return s == 0 ? 0 : float.NaN;
        }

        int k = 0;
        Vector256<int> sums = Vector256<int>.Zero;
        for (; k <= count - 8; k += 8)
        {
            Vector256<float> rounded = Vector256.Round(Vector256.Load(x + k) / Vector256.Create(s));
            Vector256<int> integers = Vector256.ConvertToInt32Native(Vector256.MinNative(Vector256.MaxNative(rounded, Vector256.Create(-127f)), Vector256.Create(127f)));
            sums += integers;
            Vector128<short> words = Vector128.Narrow(integers.GetLower(), integers.GetUpper());
            Unsafe.WriteUnaligned(q + k, Vector128.Narrow(words, words).AsInt64().ToScalar());
        }

        sum = Vector256.Sum(sums);
        for (; k < count; k++)
        {
            q[k] = (sbyte)Math.Clamp(MathF.Round(x[k] / s, MidpointRounding.ToEven), -127, 127);
            sum += q[k];
        }

        return s;
    }

    // without their sign, floats are ordered as their bits are, infinity and NaN above all
    private static float Largest(float* x, int count)
    {
        const int Magnitude = int.MaxValue;
        int k = 0;
        Vector256<int> most = Vector256<int>.Zero;
        for (; k <= count - 8; k += 8)
        {
            most = Vector256.Max(most, Vector256.Load((int*)(x + k)) & Vector256.Create(Magnitude));
        }

        Vector128<int> four = Vector128.Max(most.GetLower(), most.GetUpper());
        int largest = Math.Max(Math.Max(four[0], four[1]), Math.Max(four[2], four[3]));
        for (; k < count; k++)
        {
            largest = Math.Max(largest, BitConverter.SingleToInt32Bits(x[k]) & Magnitude);
        }

        return BitConverter.Int32BitsToSingle(largest);
    }
}
