using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Halftone.Engine.Kernels.LowBit;

/// <summary>Float arithmetic: every block of a panel becomes floats once, in the scratch, and all rows are multiplied by it there.</summary>
internal sealed unsafe class FloatLowBitKernel(LowBitPanels packed) : LowBitKernel
{
    private const int Half = LowBitPanels.Width / 2;

    /// <inheritdoc/>
    public override int PanelWidth => LowBitPanels.Width;

    /// <inheritdoc/>
    public override int Panels => packed.Count;

    /// <inheritdoc/>
    public override long ScratchBytes(int rows) => ((long)packed.PaddedLength + rows) * LowBitPanels.Width * sizeof(float);

    /// <inheritdoc/>
    public override void Run(float* x, float* y, int rows, int firstPanel, int panels, byte* scratch)
    {
        int n = packed.Problem.N;
        int k = packed.Problem.K;
        var sums = (float*)scratch;
        float* codes = sums + ((long)rows * LowBitPanels.Width);
        for (int panel = firstPanel; panel < firstPanel + panels; panel++)
        {
            var bias = new ReadOnlySpan<float>(packed.Bias + ((long)panel * LowBitPanels.Width), LowBitPanels.Width);
            for (int row = 0; row < rows; row++)
            {
                bias.CopyTo(new Span<float>(sums + ((long)row * LowBitPanels.Width), LowBitPanels.Width));
            }

            for (int block = 0; block < packed.Problem.Blocks; block++)
            {
                int first = block * packed.BlockLength;
                float* scales = Unpack(panel, block, codes);
                for (int row = 0; row < rows; row++)
                {
                    Multiply(x + ((long)row * k) + first, Math.Min(packed.BlockLength, k - first), codes, scales, sums + ((long)row * LowBitPanels.Width));
                }
            }

            int channels = Math.Min(LowBitPanels.Width, n - (panel * LowBitPanels.Width));
            for (int row = 0; row < rows; row++)
            {
                var result = new ReadOnlySpan<float>(sums + ((long)row * LowBitPanels.Width), channels);
                result.CopyTo(new Span<float>(y + ((long)row * n) + ((long)panel * LowBitPanels.Width), channels));
            }
        }

        GC.KeepAlive(this);
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        packed.Dispose();
        base.Dispose();
    }

    /// <summary>Writes code - zero point, 16 channels an element.</summary>
    /// <returns>The block's scales.</returns>
    private float* Unpack(int panel, int block, float* codes)
    {
        byte* words = packed.Weights + (panel * packed.PanelBytes) + ((long)block * packed.BlockBytes);
        byte* zeros = packed.Zeros is null ? null : packed.Zeros + ((((long)panel * packed.Problem.Blocks) + block) * LowBitPanels.Width);
        Vector256<int> zero0 = zeros is null ? Vector256.Create((int)packed.UniformZero!) : Avx2.ConvertToVector256Int32(zeros);
        Vector256<int> zero1 = zeros is null ? zero0 : Avx2.ConvertToVector256Int32(zeros + Half);
        Vector256<int> mask = Vector256.Create((1 << packed.CodeBits) - 1);
        for (int step = 0; step < packed.Steps; step++, words += LowBitPanels.StepBytes)
        {
            Vector256<int> words0 = Vector256.Load((int*)words);
            Vector256<int> words1 = Vector256.Load((int*)words + Half);
            for (int k = 0; k < packed.StepElements; k++, codes += LowBitPanels.Width)
            {
                int shift = (k % 4 * 8) + (k / 4 * packed.CodeBits);
                Vector256.ConvertToSingle((Vector256.ShiftRightLogical(words0, shift) & mask) - zero0).Store(codes);
                Vector256.ConvertToSingle((Vector256.ShiftRightLogical(words1, shift) & mask) - zero1).Store(codes + Half);
            }
        }

        return (float*)words;
    }

    private static void Multiply(float* x, int count, float* codes, float* scales, float* y)
    {
        Vector256<float> a0 = Vector256<float>.Zero, a1 = a0, a2 = a0, a3 = a0, b0 = a0, b1 = a0, b2 = a0, b3 = a0;
        int k = 0;
        for (; k <= count - 4; k += 4, codes += 4 * LowBitPanels.Width)
        {
            Vector256<float> x0 = Vector256.Create(x[k]);
            Vector256<float> x1 = Vector256.Create(x[k + 1]);
            Vector256<float> x2 = Vector256.Create(x[k + 2]);
            Vector256<float> x3 = Vector256.Create(x[k + 3]);
            a0 = Fma.MultiplyAdd(x0, Vector256.Load(codes), a0);
            b0 = Fma.MultiplyAdd(x0, Vector256.Load(codes + 8), b0);
            a1 = Fma.MultiplyAdd(x1, Vector256.Load(codes + 16), a1);
            b1 = Fma.MultiplyAdd(x1, Vector256.Load(codes + 24), b1);
            a2 = Fma.MultiplyAdd(x2, Vector256.Load(codes + 32), a2);
            b2 = Fma.MultiplyAdd(x2, Vector256.Load(codes + 40), b2);
            a3 = Fma.MultiplyAdd(x3, Vector256.Load(codes + 48), a3);
            b3 = Fma.MultiplyAdd(x3, Vector256.Load(codes + 56), b3);
        }

        if (k < count)
        {
            a0 = Fma.MultiplyAdd(Vector256.Create(x[k]), Vector256.Load(codes), a0);
            b0 = Fma.MultiplyAdd(Vector256.Create(x[k]), Vector256.Load(codes + 8), b0);
        }

        if (k + 1 < count)
        {
            a1 = Fma.MultiplyAdd(Vector256.Create(x[k + 1]), Vector256.Load(codes + 16), a1);
            b1 = Fma.MultiplyAdd(Vector256.Create(x[k + 1]), Vector256.Load(codes + 24), b1);
        }

        if (k + 2 < count)
        {
            a2 = Fma.MultiplyAdd(Vector256.Create(x[k + 2]), Vector256.Load(codes + 32), a2);
            b2 = Fma.MultiplyAdd(Vector256.Create(x[k + 2]), Vector256.Load(codes + 40), b2);
        }

        Fma.MultiplyAdd(a0 + a1 + (a2 + a3), Vector256.Load(scales), Vector256.Load(y)).Store(y);
        Fma.MultiplyAdd(b0 + b1 + (b2 + b3), Vector256.Load(scales + Half), Vector256.Load(y + Half)).Store(y + Half);
    }
}
