using Halftone.Engine.Kernels.Winograd;

namespace Halftone.Engine.Kernels;

public sealed unsafe class WinogradTierTests
{
    private const int MostSum = (1 << 25) - 1;

    private static readonly (WinogradTier Tier, Func<bool> IsSupported)[] s_tiers =
    [
        .. WinogradTiers.All.Select(t => (t, Products.ProductTiers.All.Single(p => p.Name == t.Name).IsSupported)),
        (EmulatedDot.Winograd, () => Vectors.Avx2Set.IsSupported),
    ];

    public static TheoryData<string> Names => [.. s_tiers.Select(t => t.Tier.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Tiers_compute_the_equation(string name)
    {
        WinogradTier tier = Supported(name);
        WinogradCase.Of(EpilogueKind.Requantize, EpilogueKind.Double, EpilogueKind.Single, EpilogueKind.Q31).Sample(
            c => c.Run(tier).AsSpan().SequenceEqual(c.Expected()), iter: name.EndsWith("emulated", StringComparison.Ordinal) ? 20 : 300);
    }

    /// <summary>Every number of lines and pixels within and around tiles, with all and with some of the last panel's channels.</summary>
    [Theory]
    [MemberData(nameof(Names))]
    public void Edges_equal_the_equation(string name)
    {
        WinogradTier tier = Supported(name);
        for (int height = 1; height <= 9; height++)
        {
            for (int width = 1; width <= 9; width++)
            {
                var edge = new WinogradCase(16, 13 + (width % 4), (1, height, width), EpilogueKind.Requantize, 1 + (height % 2), (9 * height) + width, atEnd: true, residual: width % 2 == 0);
                Assert.True(edge.Run(tier).AsSpan().SequenceEqual(edge.Expected()), edge.ToString());
            }
        }
    }

    /// <summary>The highest and the lowest sum that 26 bits hold.</summary>
    [Theory]
    [MemberData(nameof(Names))]
    public void Sums_at_the_limit_are_exact(string name)
    {
        const int Inputs = 112;
        int sum = 255 * 127 * 9 * Inputs;
        var problem = new WinogradProblem
        {
            Inputs = Inputs,
            Weights = [.. Enumerable.Repeat((sbyte)127, 9 * Inputs), .. Enumerable.Repeat((sbyte)-127, 9 * Inputs)],
            Bias = [MostSum - sum, sum - MostSum],
            Epilogue = new FloatRequantize([1f / (1 << 18), 1f / (1 << 18)], 128, 1, 254),
            Images = 1,
            Height = 4,
            Width = 4,
            Input = new(6 * Inputs, 36 * Inputs),
            Output = new(8, 32),
        };
        using WinogradKernel kernel = Supported(name).Build(problem);
        using var scratch = new GuardedMemory((int)kernel.ScratchBytes, 0, true);
        byte[] x = [.. Enumerable.Repeat((byte)255, 36 * Inputs)], y = new byte[32];
        fixed (byte* from = x, to = y)
        {
            kernel.Run(from, to, null, 0, kernel.Blocks, scratch.Start);
        }

        Assert.Equal(Enumerable.Range(0, 32).Select(i => (byte)(i % 2 == 0 ? 254 : 1)), y); // 128 + 128 and 128 - 128 to the nearest, but for the bounds
    }

    [Fact]
    public void Sums_of_more_than_26_bits_do_not_fit()
    {
        sbyte[] weights = [.. Enumerable.Repeat((sbyte)127, 9 * 112), .. new sbyte[9 * 112]];
        int sum = 255 * 127 * 9 * 112;
        Assert.True(WinogradTransform.Fits(weights, [MostSum - sum, MostSum]));
        Assert.False(WinogradTransform.Fits(weights, [MostSum - sum + 1, 0]));
        Assert.False(WinogradTransform.Fits(weights, [0, MostSum + 1]));
        Assert.False(WinogradTransform.Fits(weights, [0, int.MinValue]));
        Assert.False(WinogradTransform.Fits([.. weights.Select(w => (sbyte)-w)], [sum - MostSum - 1, 0]));
        Assert.True(WinogradTransform.Fits([.. weights.Select(w => (sbyte)-w)], [sum - MostSum, 0]));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Arrays_that_do_not_fit_are_refused(string name)
    {
        WinogradTier tier = Supported(name);
        WinogradProblem problem = new WinogradCase(16, 3, (1, 5, 5), EpilogueKind.Requantize, 1, 1, atEnd: true, residual: false).Problem;
        Assert.Throws<ArgumentException>(() => tier.Build(problem with { Weights = new sbyte[5] }));
        Assert.Throws<ArgumentException>(() => tier.Build(problem with { Bias = new int[2] }));
        Assert.Throws<ArgumentException>(() => tier.Build(problem with { Bias = [int.MaxValue, 0, 0] }));
        Assert.Throws<ArgumentException>(() => tier.Build(problem with { Inputs = 8, Weights = new sbyte[3 * 72] }));
        Assert.Throws<ArgumentException>(() => tier.Build(problem with { Epilogue = new StoreSums() }));
        Assert.Throws<ArgumentException>(() => tier.Build(problem with { Height = 0 }));
    }

    private static WinogradTier Supported(string name)
    {
        (WinogradTier tier, Func<bool> isSupported) = s_tiers.Single(t => t.Tier.Name == name);
        Assert.SkipUnless(isSupported(), $"this machine cannot run {name}");
        return tier;
    }
}
