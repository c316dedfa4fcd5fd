using Halftone.Engine.Kernels.LowBit;

namespace Halftone.Engine.Tests.LowBit;

public class ReferenceLowBitTests
{
    [Fact]
    public void Float_products_are_those_of_double_precision_but_for_rounding() =>
        LowBitCase.Problems.Select(Gen.Int[1, 5], Gen.Int[0, 1000]).Sample(
            (drawn, rows, seed) =>
            {
                LowBitProblem problem = drawn with { Arithmetic = LowBitArithmetic.Float };
                float[] x = LowBitCase.Rows(seed, rows, problem.K);
                AssertWithin(problem, x, (n, k, row) => Math.ScaleB(problem.K + 8, -24) * Math.Abs(x[(row * problem.K) + k]));
            },
            iter: 100,
            threads: 1);

    [Fact]
    public void Integer_products_miss_by_half_a_step_of_each_activation_at_most() =>
        LowBitCase.Problems.Select(Gen.Int[1, 5], Gen.Int[0, 1000]).Sample(
            (drawn, rows, seed) =>
            {
                LowBitProblem problem = drawn with { Arithmetic = LowBitArithmetic.Integer };
                float[] x = LowBitCase.Rows(seed, rows, problem.K);
                AssertWithin(problem, x, (n, k, row) =>
                {
                    int first = k / problem.BlockSize * problem.BlockSize;
                    double largest = x.AsSpan((row * problem.K) + first, Math.Min(problem.BlockSize, problem.K - first)).ToArray().Max(v => Math.Abs((double)v));
                    return largest * ((0.5 / 127) + Math.ScaleB(problem.Blocks + 8, -23));
                });
            },
            iter: 100,
            threads: 1);

    /// <summary>Where every block's largest magnitude is 127 and all numbers are whole, nothing rounds.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Whole_numbers_come_out_exact(int bits)
    {
        var random = new Random(bits);
        LowBitProblem problem = LowBitCase.Problem(bits, 75, 21, bits, 16, uniform: false, bias: true, LowBitArithmetic.Integer);
        problem = problem with
        {
            Scales = [.. problem.Scales.Select(_ => (float)random.Next(-3, 4))],
            Bias = [.. Enumerable.Range(0, 21).Select(_ => (float)random.Next(-100, 100))],
        };
        float[] x = [.. Enumerable.Range(0, 3 * 75).Select(i => i % 75 % 16 == 0 ? -127f : random.Next(-127, 128))];
        float[] expected = [.. LowBitCase.Truth(problem, x).Select(v => (float)v)];
        Assert.Equal(expected, LowBitCase.Run(new ReferenceLowBitKernel(problem), problem, x));
    }

    [Fact]
    public void Halves_round_to_even()
    {
        // s is 1; 0.5, 1.5, 2.5, -0.5, -2.5 become 0, 2, 2, 0, -2
        float[] x = [127, 0.5f, 1.5f, 2.5f, -0.5f, -2.5f];
        float[] expected = [127, 0, 2, 2, 0, -2];
        for (int k = 0; k < x.Length; k++)
        {
            var problem = new LowBitProblem { K = 6, N = 1, Bits = 2, BlockSize = 16, Codes = new byte[6], Scales = [1], ZeroPoints = [1] };
            Array.Fill(problem.Codes, (byte)1);
            problem.Codes[k] = 2;
            Assert.Equal(expected[k], LowBitCase.Run(new ReferenceLowBitKernel(problem), problem, x)[0]);
        }
    }

    [Theory]
    [InlineData(4, 16, "codes")]
    [InlineData(2, 4, "takes more than 2 bits")]
    public void What_does_not_fit_is_refused(int bits, int code, string message)
    {
        byte[] codes = code == 16 ? new byte[7] : [.. Enumerable.Repeat((byte)code, 8)];
        var problem = new LowBitProblem { K = 8, N = 1, Bits = bits, BlockSize = 8, Codes = codes, Scales = [1], ZeroPoints = [0] };
        foreach (LowBitTier tier in LowBitTiers.All.Where(t => t.IsSupported()))
        {
            Assert.Contains(message, Assert.Throws<ArgumentException>(() => tier.Build(problem)).Message, StringComparison.Ordinal);
        }
    }

    private static void AssertWithin(LowBitProblem p, float[] x, Func<int, int, int, double> errorOfX)
    {
        double[] truth = LowBitCase.Truth(p, x);
        float[] y = LowBitCase.Run(new ReferenceLowBitKernel(p), p, x);
        for (int i = 0; i < y.Length; i++)
        {
            (int row, int n) = (i / p.N, i % p.N);
            double bound = Math.ScaleB(p.K + 8, -24) * Math.Abs(p.Bias?[n] ?? 0);
            for (int k = 0; k < p.K; k++)
            {
                int group = (n * p.Blocks) + (k / p.BlockSize);
                bound += errorOfX(n, k, row) * Math.Abs((p.Codes[(n * p.K) + k] - p.ZeroPoints[group]) * p.Scales[group]);
            }

            Assert.InRange(y[i], truth[i] - bound, truth[i] + bound);
        }
    }
}
