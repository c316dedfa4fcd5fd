using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Halftone.Engine.Kernels.LowBit;

/// <summary>Float arithmetic in vectors of 256 bits, half a panel each, a row at a time.</summary>
internal sealed unsafe class Avx2FloatLowBitKernel<TWidth>(LowBitPanels packed) : FloatLowBitKernel(packed)
    where TWidth : struct, ICodeWidth
{
    private const int Half = LowBitPanels.Width / 2;

    /// <inheritdoc/>
    protected override int TileRows(int left) => 1;

    /// <inheritdoc/>
    protected override void Compute(byte* blocks, byte* zeros, float* x, int rows, float* sums)
    {
        HalfPanel(blocks, zeros, x, 0, sums);
        HalfPanel(blocks, zeros, x, Half, sums);
    }

    private void HalfPanel(byte* blocks, byte* zeros, float* x, int half, float* sums)
    {
        Vector256<float> y = Vector256.Load(sums + half);
        int stepElements = 32 / TWidth.Bits;
        float* last = stackalloc float[LongestStep];
        for (int first = 0; first < Packed.Problem.K; first += Packed.BlockLength, blocks += Packed.BlockBytes)
        {
            int count = Math.Min(Packed.BlockLength, Packed.Problem.K - first);
            Pad(x + first, count, stepElements, last);
            Vector256<int> zero = zeros is null ? Vector256.Create((int)Packed.UniformZero!) : Avx2.ConvertToVector256Int32(zeros + half);
            Vector256<float> sum0 = Vector256<float>.Zero, sum1 = sum0, sum2 = sum0, sum3 = sum0;
            byte* words = blocks;
            float* next = x + first;
            for (; count > 0; count -= stepElements, next += stepElements)
            {
                float* four = count < stepElements ? last : next;
                Vector256<int> codes = Vector256.Load((int*)words + half);
                for (int field = 0; field < 8 / TWidth.Bits; field++, four += 4)
                {
                    sum0 = Fma.MultiplyAdd(Vector256.Create(four[0]), Value(codes, zero), sum0);
                    sum1 = Fma.MultiplyAdd(Vector256.Create(four[1]), Value(codes >>> 8, zero), sum1);
                    sum2 = Fma.MultiplyAdd(Vector256.Create(four[2]), Value(codes >>> 16, zero), sum2);
                    sum3 = Fma.MultiplyAdd(Vector256.Create(four[3]), Value(codes >>> 24, zero), sum3);
                    codes >>>= TWidth.Bits;
                }

                words += LowBitPanels.StepBytes;
            }

            zeros += zeros is null ? 0 : LowBitPanels.Width;
            y = Fma.MultiplyAdd(sum0 + sum1 + (sum2 + sum3), Vector256.Load((float*)(blocks + (Packed.Steps * LowBitPanels.StepBytes)) + half), y);
        }

        y.Store(sums + half);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Value(Vector256<int> words, Vector256<int> zero) =>
        Vector256.ConvertToSingle((words & Vector256.Create((1 << TWidth.Bits) - 1)) - zero);
}
