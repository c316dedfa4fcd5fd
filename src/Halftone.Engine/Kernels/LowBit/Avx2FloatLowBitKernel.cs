using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Halftone.Engine.Kernels.LowBit;

/// <summary>Float arithmetic in vectors of 256 bits, half a panel each, a row at a time.</summary>
internal sealed unsafe class Avx2FloatLowBitKernel(LowBitPanels packed) : FloatLowBitKernel(packed)
{
    private const int Half = LowBitPanels.Width / 2;

    /// <inheritdoc/>
    protected override int TileRows(int left) => 1;

    /// <inheritdoc/>
    protected override void Add(byte* block, byte* zeros, float* x, int count, int rows, float* sums)
    {
        for (int half = 0; half < LowBitPanels.Width; half += Half)
        {
            Vector256<int> zero = zeros is null ? Vector256.Create((int)Packed.UniformZero!) : Avx2.ConvertToVector256Int32(zeros + half);
            Vector256<float> sum = Packed.CodeBits == 2 ? Sum<TwoBits>(block, half, zero, x, count) : Sum<FourBits>(block, half, zero, x, count);
            Vector256<float> scales = Vector256.Load((float*)(block + (Packed.Steps * LowBitPanels.StepBytes)) + half);
            Fma.MultiplyAdd(sum, scales, Vector256.Load(sums + half)).Store(sums + half);
        }
    }

    private static Vector256<float> Sum<TWidth>(byte* block, int half, Vector256<int> zero, float* x, int count)
        where TWidth : struct, ICodeWidth
    {
        float* spare = stackalloc float[4];
        Vector256<float> sum0 = Vector256<float>.Zero, sum1 = sum0, sum2 = sum0, sum3 = sum0;
        for (int k = 0; k < count; block += LowBitPanels.StepBytes)
        {
            Vector256<int> words = Vector256.Load((int*)block + half);
            for (int field = 0; field < 8 / TWidth.Bits && k < count; field++, k += 4)
            {
                float* four = Four(x + k, count - k, spare);
                sum0 = Fma.MultiplyAdd(Vector256.Create(four[0]), Value<TWidth>(words, zero), sum0);
                sum1 = Fma.MultiplyAdd(Vector256.Create(four[1]), Value<TWidth>(words >>> 8, zero), sum1);
                sum2 = Fma.MultiplyAdd(Vector256.Create(four[2]), Value<TWidth>(words >>> 16, zero), sum2);
                sum3 = Fma.MultiplyAdd(Vector256.Create(four[3]), Value<TWidth>(words >>> 24, zero), sum3);
                words >>>= TWidth.Bits;
            }
        }

        return sum0 + sum1 + (sum2 + sum3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Value<TWidth>(Vector256<int> words, Vector256<int> zero)
        where TWidth : struct, ICodeWidth =>
        Vector256.ConvertToSingle((words & Vector256.Create((1 << TWidth.Bits) - 1)) - zero);
}
