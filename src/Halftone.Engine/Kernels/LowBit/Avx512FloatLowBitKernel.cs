using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Halftone.Engine.Kernels.LowBit;

/// <summary>Float arithmetic in vectors of 512 bits, a panel each: codes are looked up in a register, which needs no mask and no conversion.</summary>
internal sealed unsafe class Avx512FloatLowBitKernel<TWidth> : FloatLowBitKernel
    where TWidth : struct, ICodeWidth
{
    private const int StepBytes = LowBitPanels.StepBytes;

    // vpermps looks at the lowest 4 bits: the next code is among them where codes have 2
    private readonly Vector512<float> _values;

    public Avx512FloatLowBitKernel(LowBitPanels packed)
        : base(packed)
    {
        for (int i = 0; i < 16; i++)
        {
            _values = _values.WithElement(i, (i & ((1 << TWidth.Bits) - 1)) - (packed.UniformZero ?? 0));
        }
    }

    private static int StepElements => 32 / TWidth.Bits;

    /// <inheritdoc/>
    protected override int TileRows(int left) => left >= MaxRows ? MaxRows : 1;

    /// <inheritdoc/>
    protected override void Compute(byte* blocks, byte* zeros, float* x, int rows, float* sums)
    {
        float* last = stackalloc float[MaxRows * LongestStep];
        for (int first = 0; first < Packed.Problem.K; first += Packed.BlockLength, blocks += Packed.BlockBytes)
        {
            Vector512<float> zero = Vector512<float>.Zero;
            if (zeros is not null)
            {
                zero = Vector512.ConvertToSingle(Avx512F.ConvertToVector512Int32(Vector128.Load(zeros)));
                zeros += LowBitPanels.Width;
            }

            int count = Math.Min(Packed.BlockLength, Packed.Problem.K - first);
            for (int row = 0; row < rows; row++)
            {
                Pad(x + ((long)row * Packed.Problem.K) + first, count, StepElements, last + (row * LongestStep));
            }

            if (rows == 1)
            {
                OneRow(blocks, zero, x + first, count, sums, last);
            }
            else
            {
                FourRows(blocks, zero, x + first, count, sums, last);
            }
        }
    }

    private void OneRow(byte* block, Vector512<float> zero, float* x, int count, float* y, float* last)
    {
        Vector512<float> values = _values;
        Vector512<float> sum0 = Vector512<float>.Zero, sum1 = sum0, sum2 = sum0, sum3 = sum0;
        byte* words = block;
        for (; count > 0; count -= StepElements, words += StepBytes, x += StepElements)
        {
            float* four = count < StepElements ? last : x;
            Vector512<int> codes = Vector512.Load((int*)words);
            for (int field = 0; field < 8 / TWidth.Bits; field++, four += 4)
            {
                sum0 = Avx512F.FusedMultiplyAdd(Vector512.Create(four[0]), Avx512F.PermuteVar16x32(values, codes) - zero, sum0);
                sum1 = Avx512F.FusedMultiplyAdd(Vector512.Create(four[1]), Avx512F.PermuteVar16x32(values, codes >>> 8) - zero, sum1);
                sum2 = Avx512F.FusedMultiplyAdd(Vector512.Create(four[2]), Avx512F.PermuteVar16x32(values, codes >>> 16) - zero, sum2);
                sum3 = Avx512F.FusedMultiplyAdd(Vector512.Create(four[3]), Avx512F.PermuteVar16x32(values, codes >>> 24) - zero, sum3);
                codes >>>= TWidth.Bits;
            }
        }

        AddTo(y, block, sum0 + sum1 + (sum2 + sum3));
    }

    private void FourRows(byte* block, Vector512<float> zero, float* x, int count, float* y, float* last)
    {
        Vector512<float> values = _values;
        Vector512<float> a0 = Vector512<float>.Zero, a1 = a0, a2 = a0, a3 = a0, b0 = a0, b1 = a0, b2 = a0, b3 = a0;
        Vector512<float> c0 = a0, c1 = a0, c2 = a0, c3 = a0, d0 = a0, d1 = a0, d2 = a0, d3 = a0;
        long stride = Packed.Problem.K;
        byte* words = block;
        for (; count > 0; count -= StepElements, words += StepBytes, x += StepElements)
        {
            float* a = x, b = a + stride, c = b + stride, d = c + stride;
            if (count < StepElements)
            {
                a = last;
                b = a + LongestStep;
                c = b + LongestStep;
                d = c + LongestStep;
            }

            Vector512<int> codes = Vector512.Load((int*)words);
            for (int field = 0; field < 4 * (8 / TWidth.Bits); field += 4)
            {
                Vector512<float> w = Avx512F.PermuteVar16x32(values, codes) - zero;
                a0 = Avx512F.FusedMultiplyAdd(Vector512.Create(a[field]), w, a0);
                b0 = Avx512F.FusedMultiplyAdd(Vector512.Create(b[field]), w, b0);
                c0 = Avx512F.FusedMultiplyAdd(Vector512.Create(c[field]), w, c0);
                d0 = Avx512F.FusedMultiplyAdd(Vector512.Create(d[field]), w, d0);
                w = Avx512F.PermuteVar16x32(values, codes >>> 8) - zero;
                a1 = Avx512F.FusedMultiplyAdd(Vector512.Create(a[field + 1]), w, a1);
                b1 = Avx512F.FusedMultiplyAdd(Vector512.Create(b[field + 1]), w, b1);
                c1 = Avx512F.FusedMultiplyAdd(Vector512.Create(c[field + 1]), w, c1);
                d1 = Avx512F.FusedMultiplyAdd(Vector512.Create(d[field + 1]), w, d1);
                w = Avx512F.PermuteVar16x32(values, codes >>> 16) - zero;
                a2 = Avx512F.FusedMultiplyAdd(Vector512.Create(a[field + 2]), w, a2);
                b2 = Avx512F.FusedMultiplyAdd(Vector512.Create(b[field + 2]), w, b2);
                c2 = Avx512F.FusedMultiplyAdd(Vector512.Create(c[field + 2]), w, c2);
                d2 = Avx512F.FusedMultiplyAdd(Vector512.Create(d[field + 2]), w, d2);
                w = Avx512F.PermuteVar16x32(values, codes >>> 24) - zero;
                a3 = Avx512F.FusedMultiplyAdd(Vector512.Create(a[field + 3]), w, a3);
                b3 = Avx512F.FusedMultiplyAdd(Vector512.Create(b[field + 3]), w, b3);
                c3 = Avx512F.FusedMultiplyAdd(Vector512.Create(c[field + 3]), w, c3);
                d3 = Avx512F.FusedMultiplyAdd(Vector512.Create(d[field + 3]), w, d3);
                codes >>>= TWidth.Bits;
            }
        }

        AddTo(y, block, a0 + a1 + (a2 + a3));
        AddTo(y + LowBitPanels.Width, block, b0 + b1 + (b2 + b3));
        AddTo(y + (2 * LowBitPanels.Width), block, c0 + c1 + (c2 + c3));
        AddTo(y + (3 * LowBitPanels.Width), block, d0 + d1 + (d2 + d3));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void AddTo(float* y, byte* block, Vector512<float> sum) =>
        Avx512F.FusedMultiplyAdd(sum, Vector512.Load((float*)(block + (Packed.Steps * StepBytes))), Vector512.Load(y)).Store(y);
}
