using Halftone.Engine.Kernels.Depthwise;

namespace Halftone.Engine.Kernels;

public sealed class DepthwiseTierTests
{
    private static readonly DepthwiseTier[] s_tiers = [.. DepthwiseTiers.All, .. EmulatedDot.Depthwise];
    private static readonly DepthwiseTier s_reference = DepthwiseTiers.All.Single(t => t.Name == "reference");

    public static TheoryData<string> Names => [.. s_tiers.Select(t => t.Name)];

    [Fact]
    public void The_reference_computes_the_equation() =>
        DepthwiseCase.Cases.Sample(c => c.Run(s_reference).AsSpan().SequenceEqual(c.Expected()), iter: 300);

    [Theory]
    [MemberData(nameof(Names))]
    public void Tiers_equal_the_reference(string name)
    {
        DepthwiseTier tier = Supported(name);
        DepthwiseCase.Cases.Sample(c => !tier.IsSupported(c.Problem) || c.Run(tier).AsSpan().SequenceEqual(c.Run(s_reference)), iter: name.EndsWith("emulated") ? 100 : 1500);
    }

    /// <summary>The commonest kernel with every number of channels within and around a step, for all epilogues.</summary>
    [Theory]
    [MemberData(nameof(Names))]
    public void Edges_equal_the_reference(string name)
    {
        DepthwiseTier tier = Supported(name);
        foreach (EpilogueKind kind in Enum.GetValues<EpilogueKind>())
        {
            for (int channels = 1; channels <= 130; channels++)
            {
                var edge = new DepthwiseCase(channels, 1 + (channels * 3 % 13), 3, 3, kind, channels, atEnd: true);
                Assert.True(edge.Run(tier).AsSpan().SequenceEqual(edge.Run(s_reference)), edge.ToString());
            }
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Pixels_can_be_split(string name)
    {
        DepthwiseTier tier = Supported(name);
        Gen.Select(DepthwiseCase.Cases, Gen.Double[0, 1]).Sample(
            (c, u) => !tier.IsSupported(c.Problem) || c.Run(tier, (int)(u * c.Pixels)).AsSpan().SequenceEqual(c.Run(tier)),
            iter: name.EndsWith("emulated") ? 30 : 200);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Arrays_that_do_not_fit_are_refused(string name)
    {
        DepthwiseTier tier = Supported(name);
        DepthwiseProblem problem = new DepthwiseCase(5, 1, 2, 3, EpilogueKind.Float, 1, atEnd: true).Problem;
        Assert.Throws<ArgumentException>(() => tier.Build(problem with { Weights = new sbyte[29] }));
        Assert.Throws<ArgumentException>(() => tier.Build(problem with { Bias = new int[6] }));
        Assert.Throws<ArgumentException>(() => tier.Build(problem with { KernelWidth = 0 }));
        Assert.Throws<ArgumentException>(() => tier.Build(problem with { Epilogue = new ToFloat(new float[5], new float[4]) }));
    }

    /// <summary>The windows most networks have, which tiers compute in ways of their own.</summary>
    [Theory]
    [MemberData(nameof(Names))]
    public void Three_by_three_equals_the_reference(string name)
    {
        DepthwiseTier tier = Supported(name);
        Gen.Select(Gen.Frequency((2, Gen.Const(32)), (5, Gen.Int[1, 200]), (1, Gen.Int[1, 12].Select(n => 16 * n))), Gen.Int[1, 40], Gen.Int[0, int.MaxValue - 1], Gen.Bool).Sample(
            (channels, pixels, seed, atEnd) =>
            {
                var three = new DepthwiseCase(channels, pixels, 3, 3, EpilogueKind.Requantize, seed, atEnd);
                return three.Run(tier).AsSpan().SequenceEqual(three.Run(s_reference));
            },
            iter: name.EndsWith("emulated", StringComparison.Ordinal) ? 40 : 600);
    }

    private static DepthwiseTier Supported(string name)
    {
        DepthwiseTier tier = s_tiers.Single(t => t.Name == name);
        Assert.SkipUnless(tier.IsSupported(new DepthwiseCase(16, 1, 3, 3, EpilogueKind.Requantize, 1, atEnd: true).Problem), $"this machine cannot run {name}");
        return tier;
    }
}
