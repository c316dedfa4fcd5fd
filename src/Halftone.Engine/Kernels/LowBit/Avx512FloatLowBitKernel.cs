using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Halftone.Engine.Kernels.LowBit;

/// <summary>Float arithmetic in vectors of 512 bits, a panel each: codes are looked up in a register, which needs no mask and no conversion.</summary>
internal sealed unsafe class Avx512FloatLowBitKernel : FloatLowBitKernel
{
    // vpermps looks at the lowest 4 bits: the next code is among them where codes have 2
    private readonly Vector512<float> _values;

    public Avx512FloatLowBitKernel(LowBitPanels packed)
        : base(packed)
    {
        for (int i = 0; i < 16; i++)
        {
            _values = _values.WithElement(i, (i & ((1 << packed.CodeBits) - 1)) - (packed.UniformZero ?? 0));
        }
    }

    /// <inheritdoc/>
    protected override int TileRows(int left) => left >= MaxRows ? MaxRows : 1;

    /// <inheritdoc/>
    protected override void Add(byte* block, byte* zeros, float* x, int count, int rows, float* sums)
    {
        Vector512<float> zero = zeros is null ? Vector512<float>.Zero : Avx512F.ConvertToVector512Single(Avx512F.ConvertToVector512Int32(Vector128.Load(zeros)));
        Vector512<float> scales = Vector512.Load((float*)(block + (Packed.Steps * LowBitPanels.StepBytes)));
        if (rows == 1)
        {
            OneRow(block, zero, x, count).AddTo(sums, scales);
        }
        else
        {
            FourRows(block, zero, scales, x, count, sums);
        }
    }

    private Sums OneRow(byte* block, Vector512<float> zero, float* x, int count)
    {
        float* spare = stackalloc float[4];
        Vector512<float> values = _values;
        int fields = 8 / Packed.CodeBits;
        var sums = default(Sums);
        for (int k = 0; k < count; block += LowBitPanels.StepBytes)
        {
            Vector512<int> words = Vector512.Load((int*)block);
            for (int field = 0; field < fields && k < count; field++, k += 4)
            {
                sums = sums.Add(Four(x + k, count - k, spare), new Sums(values, words, zero));
                words >>>= Packed.CodeBits;
            }
        }

        return sums;
    }

    private void FourRows(byte* block, Vector512<float> zero, Vector512<float> scales, float* x, int count, float* y)
    {
        float* spare = stackalloc float[16];
        Vector512<float> values = _values;
        int fields = 8 / Packed.CodeBits;
        long stride = Packed.Problem.K;
        Sums sums0 = default, sums1 = default, sums2 = default, sums3 = default;
        for (int k = 0; k < count; block += LowBitPanels.StepBytes)
        {
            Vector512<int> words = Vector512.Load((int*)block);
            for (int field = 0; field < fields && k < count; field++, k += 4)
            {
                var codes = new Sums(values, words, zero);
                sums0 = sums0.Add(Four(x + k, count - k, spare), codes);
                sums1 = sums1.Add(Four(x + stride + k, count - k, spare + 4), codes);
                sums2 = sums2.Add(Four(x + (2 * stride) + k, count - k, spare + 8), codes);
                sums3 = sums3.Add(Four(x + (3 * stride) + k, count - k, spare + 12), codes);
                words >>>= Packed.CodeBits;
            }
        }

        sums0.AddTo(y, scales);
        sums1.AddTo(y + LowBitPanels.Width, scales);
        sums2.AddTo(y + (2 * LowBitPanels.Width), scales);
        sums3.AddTo(y + (3 * LowBitPanels.Width), scales);
    }

    /// <summary>The four sums of a row and block, or the four elements that are added to them.</summary>
    private readonly struct Sums
    {
        private readonly Vector512<float> _0;
        private readonly Vector512<float> _1;
        private readonly Vector512<float> _2;
        private readonly Vector512<float> _3;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private Sums(Vector512<float> first, Vector512<float> second, Vector512<float> third, Vector512<float> fourth) => (_0, _1, _2, _3) = (first, second, third, fourth);

        /// <summary>code - zero point of four successive elements.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Sums(Vector512<float> values, Vector512<int> words, Vector512<float> zero)
        {
            _0 = Avx512F.PermuteVar16x32(values, words) - zero;
            _1 = Avx512F.PermuteVar16x32(values, words >>> 8) - zero;
            _2 = Avx512F.PermuteVar16x32(values, words >>> 16) - zero;
            _3 = Avx512F.PermuteVar16x32(values, words >>> 24) - zero;
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Sums Add(float* x, in Sums codes) => new(
            Avx512F.FusedMultiplyAdd(Vector512.Create(x[0]), codes._0, _0),
            Avx512F.FusedMultiplyAdd(Vector512.Create(x[1]), codes._1, _1),
            Avx512F.FusedMultiplyAdd(Vector512.Create(x[2]), codes._2, _2),
            Avx512F.FusedMultiplyAdd(Vector512.Create(x[3]), codes._3, _3));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void AddTo(float* y, Vector512<float> scales) =>
            Avx512F.FusedMultiplyAdd(_0 + _1 + (_2 + _3), scales, Vector512.Load(y)).Store(y);
    }
}
