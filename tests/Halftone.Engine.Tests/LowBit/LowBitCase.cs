using System.Runtime.InteropServices;
using Halftone.Engine.Kernels.LowBit;

namespace Halftone.Engine.Tests.LowBit;

/// <summary>Problems drawn at random, and ways to run kernels.</summary>
internal static unsafe class LowBitCase
{
    public static readonly Gen<LowBitProblem> Problems =
        from k in Gen.Int[1, 300]
        from n in Gen.Int[1, 70]
        from bits in Gen.Int[1, 4]
        from blockSize in OneOf(5, 16, 20, 32, 64, 128, 1000)
        from uniform in Gen.Bool
        from bias in Gen.Bool
        from arithmetic in Gen.Enum<LowBitArithmetic>()
        from seed in Gen.Int[0, 100000]
        select Problem(seed, k, n, bits, blockSize, uniform, bias, arithmetic);

    public static Gen<T> OneOf<T>(params T[] values) => Gen.Int[0, values.Length - 1].Select(i => values[i]);

    public static LowBitProblem Problem(int seed, int k, int n, int bits, int blockSize, bool uniform, bool bias, LowBitArithmetic arithmetic)
    {
        var random = new Random(seed);
        int blocks = (k + blockSize - 1) / blockSize;
        byte[] Codes(int count) => [.. Enumerable.Range(0, count).Select(_ => (byte)random.Next(1 << bits))];
        float[] Floats(int count) => [.. Enumerable.Range(0, count).Select(_ => (random.NextSingle() - 0.4f) / 8)];
        byte zero = (byte)random.Next(1 << bits);
        return new LowBitProblem
        {
            K = k,
            N = n,
            Bits = bits,
            BlockSize = blockSize,
            Codes = Codes(n * k),
            Scales = Floats(n * blocks),
            ZeroPoints = uniform ? [.. Enumerable.Repeat(zero, n * blocks)] : Codes(n * blocks),
            Bias = bias ? Floats(n) : null,
            Arithmetic = arithmetic,
        };
    }

    public static float[] Rows(int seed, int rows, int k)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, rows * k).Select(_ => (float)((random.NextDouble() - 0.5) * Math.Pow(10, random.Next(-3, 3))))];
    }

    /// <summary>The sum of products in double precision.</summary>
    public static double[] Truth(LowBitProblem p, float[] x)
    {
        int rows = x.Length / p.K;
        var y = new double[rows * p.N];
        for (int i = 0; i < y.Length; i++)
        {
            (int row, int n) = (i / p.N, i % p.N);
            y[i] = p.Bias?[n] ?? 0;
            for (int k = 0; k < p.K; k++)
            {
                int group = (n * p.Blocks) + (k / p.BlockSize);
                y[i] += (double)x[(row * p.K) + k] * (p.Codes[(n * p.K) + k] - p.ZeroPoints[group]) * p.Scales[group];
            }
        }

        return y;
    }

    /// <summary>Runs all panels in one call.</summary>
    public static float[] Run(LowBitKernel kernel, LowBitProblem problem, float[] x)
    {
        int rows = x.Length / problem.K;
        var y = new float[rows * problem.N];
        Array.Fill(y, float.NegativeInfinity);
        Run(kernel, x, y, rows, 0, kernel.Panels);
        return y;
    }

    public static void Run(LowBitKernel kernel, float[] x, float[] y, int rows, int firstPanel, int panels)
    {
        void* scratch = NativeMemory.Alloc((nuint)kernel.ScratchBytes(rows));
        fixed (float* from = x, to = y)
        {
            kernel.Run(from, to, rows, firstPanel, panels, (byte*)scratch);
        }

        NativeMemory.Free(scratch);
    }

    /// <summary>Bits, NaN being the same whatever it says.</summary>
    public static int[] Bits(float[] values) => [.. values.Select(v => BitConverter.SingleToInt32Bits(float.IsNaN(v) ? float.NaN : v))];
}
