using Halftone.Engine.Kernels.LowBit;

namespace Halftone.Engine.Tests.LowBit;

public unsafe class LowBitTierTests
{
    public static TheoryData<string> Tiers => [.. LowBitTiers.All.SkipLast(1).Select(t => t.Name)];

    [Theory]
    [MemberData(nameof(Tiers))]
    public void Every_tier_gives_the_bits_of_the_reference(string name)
    {
        LowBitTier tier = Supported(name);
        LowBitCase.Problems.Select(Gen.Frequency((4, Gen.Int[1, 5]), (1, Gen.Int[6, 20]), (1, Gen.Int[64, 140])), Gen.Int[0, 1000]).Sample(
            (problem, rows, seed) => AssertSame(tier, problem, LowBitCase.Rows(seed, rows, problem.K)),
            iter: 400,
            threads: 1);
    }

    /// <summary>Long blocks go through loops that short ones do not, and their sums are large.</summary>
    [Theory]
    [MemberData(nameof(Tiers))]
    public void A_scale_a_channel_is_the_same(string name)
    {
        LowBitTier tier = Supported(name);
        foreach (int k in new[] { 137, 1000, 4096, 4100 })
        {
            foreach (int bits in new[] { 2, 4 })
            {
                foreach (int rows in Enumerable.Range(1, 9))
                {
                    LowBitProblem problem = LowBitCase.Problem(k, k, 19, bits, k, uniform: k % 2 == 0, bias: true, LowBitArithmetic.Integer);
                    AssertSame(tier, problem, LowBitCase.Rows(k + rows, rows, k));
                }
            }
        }
    }

    /// <summary>The largest sums there are: float(dot) rounds.</summary>
    [Theory]
    [MemberData(nameof(Tiers))]
    public void Extreme_sums_are_the_same(string name)
    {
        LowBitTier tier = Supported(name);
        const int K = 150_001;
        LowBitProblem problem = LowBitCase.Problem(1, K, 3, 4, K, uniform: false, bias: false, LowBitArithmetic.Integer);
        Array.Fill(problem.Codes, (byte)15);
        problem.ZeroPoints[0] = 0;
        problem.ZeroPoints[1] = 1;
        var x = new float[2 * K];
        Array.Fill(x, 1, 0, K);
        Array.Fill(x, -1, K, K);
        AssertSame(tier, problem, x);
        Assert.Equal(15.0 * K * problem.Scales[0], LowBitCase.Run(tier.Build(problem), problem, x)[0], Math.Abs(1e-5 * K * problem.Scales[0]));
    }

    [Theory]
    [MemberData(nameof(Tiers))]
    public void Zeros_tiny_values_infinities_and_nan_are_the_same(string name)
    {
        LowBitTier tier = Supported(name);
        float[] odd = [0, -0f, float.Epsilon, 60 * float.Epsilon, -200 * float.Epsilon, 1e-39f, 1e-36f, float.MaxValue, float.PositiveInfinity, float.NegativeInfinity, float.NaN];
        Gen.Select(LowBitCase.Problems, LowBitCase.OneOf(odd), LowBitCase.OneOf(odd), Gen.Bool, Gen.Int[0, 1000]).Sample(
            (problem, one, other, alone, seed) =>
            {
                float[] x = LowBitCase.Rows(seed, 2, problem.K);
                if (alone)
                {
                    Array.Clear(x);
                }

                x[seed % x.Length] = one;
                x[seed * 7 % x.Length] = other;
                AssertSame(tier, problem, x);
            },
            iter: 300,
            threads: 1);
    }

    [Theory]
    [MemberData(nameof(Tiers))]
    public void Panels_computed_apart_touch_nothing_else(string name)
    {
        LowBitTier tier = Supported(name);
        foreach (LowBitArithmetic arithmetic in Enum.GetValues<LowBitArithmetic>())
        {
            LowBitProblem problem = LowBitCase.Problem(3, 100, 70, 4, 32, uniform: false, bias: true, arithmetic);
            float[] x = LowBitCase.Rows(1, 5, 100);
            using LowBitKernel kernel = tier.Build(problem);
            float[] whole = LowBitCase.Run(kernel, problem, x);
            Assert.Equal(5, kernel.Panels);
            for (int first = 0; first < kernel.Panels; first++)
            {
                for (int panels = 1; panels <= kernel.Panels - first; panels++)
                {
                    var y = new float[whole.Length];
                    LowBitCase.Run(kernel, x, y, 5, first, panels);
                    bool Computed(int i) => i % 70 / kernel.PanelWidth is int panel && panel >= first && panel < first + panels;
                    Assert.Equal(whole.Select((v, i) => Computed(i) ? v : 0), y);
                }
            }
        }
    }

    /// <summary>Weights, rows, outputs and scratch end where memory does.</summary>
    [Fact]
    public void Nothing_is_read_or_written_beyond_the_end()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "guard pages are made with mmap");
        LowBitCase.Problems.Select(Gen.Int[1, 10], Gen.Int[0, 1000]).Sample(
            (problem, rows, seed) =>
            {
                float[] x = LowBitCase.Rows(seed, rows, problem.K);
                int[] expected = LowBitCase.Bits(LowBitCase.Run(new ReferenceLowBitKernel(problem), problem, x));
                using var sizes = new LowBitPanels(problem);
                using var memory = new GuardedMemory(checked((int)sizes.ByteCount));
                var packed = new LowBitPanels(problem, memory.Start);
                foreach (LowBitKernel kernel in Kernels(packed))
                {
                    using var from = new GuardedMemory(x.Length * sizeof(float));
                    using var to = new GuardedMemory(expected.Length * sizeof(float));
                    using var scratch = new GuardedMemory(checked((int)kernel.ScratchBytes(rows)));
                    x.CopyTo(new Span<float>(from.Start, x.Length));
                    kernel.Run((float*)from.Start, (float*)to.Start, rows, 0, kernel.Panels, scratch.Start);
                    Assert.Equal(expected, LowBitCase.Bits(new Span<float>(to.Start, expected.Length).ToArray()));
                }
            },
            iter: 100,
            threads: 1);
    }

    private static IEnumerable<LowBitKernel> Kernels(LowBitPanels packed)
    {
        foreach (LowBitTier tier in LowBitTiers.All.SkipLast(1).Where(t => t.IsSupported()))
        {
            yield return LowBitTiers.Kernel(tier.Name, packed);
        }
    }

    private static LowBitTier Supported(string name)
    {
        LowBitTier tier = LowBitTiers.All.Single(t => t.Name == name);
        Assert.SkipUnless(tier.IsSupported(), $"this machine has no {name}");
        return tier;
    }

    private static void AssertSame(LowBitTier tier, LowBitProblem problem, float[] x)
    {
        using LowBitKernel kernel = tier.Build(problem);
        int[] expected = LowBitCase.Bits(LowBitCase.Run(new ReferenceLowBitKernel(problem), problem, x));
        Assert.Equal(expected, LowBitCase.Bits(LowBitCase.Run(kernel, problem, x)));
    }
}
