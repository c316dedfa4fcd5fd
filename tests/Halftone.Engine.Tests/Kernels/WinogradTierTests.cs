using Halftone.Engine.Kernels.Products;
using Halftone.Engine.Kernels.Winograd;

namespace Halftone.Engine.Kernels;

public sealed class WinogradTierTests
{
    public static TheoryData<string> Names => [.. WinogradTiers.All.Select(t => t.Tier)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Tiers_compute_the_equation(string name)
    {
        Func<WinogradProblem, WinogradKernel> tier = Supported(name);
        WinogradCase.Of(EpilogueKind.Requantize).Sample(c => c.Run(tier).AsSpan().SequenceEqual(c.Expected()), iter: 200);
    }

    private static Func<WinogradProblem, WinogradKernel> Supported(string name)
    {
        Assert.SkipUnless(ProductTiers.All.Single(t => t.Name == name).IsSupported(), $"this machine cannot run {name}");
        return WinogradTiers.Choose(name)!;
    }
}
