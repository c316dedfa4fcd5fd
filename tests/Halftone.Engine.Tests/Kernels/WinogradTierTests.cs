using Halftone.Engine.Kernels.Products;
using Halftone.Engine.Kernels.Winograd;

namespace Halftone.Engine.Kernels;

public sealed class WinogradTierTests
{
    public static TheoryData<string> Names => [.. WinogradTiers.All.Select(t => t.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Tiers_compute_the_equation(string name)
    {
        WinogradTier tier = Supported(name);
        WinogradCase.Of(EpilogueKind.Requantize, EpilogueKind.Double, EpilogueKind.Single, EpilogueKind.Q31).Sample(c => c.Run(tier).AsSpan().SequenceEqual(c.Expected()), iter: 200);
    }

    private static WinogradTier Supported(string name)
    {
        Assert.SkipUnless(ProductTiers.All.Single(t => t.Name == name).IsSupported(), $"this machine cannot run {name}");
        return WinogradTiers.Choose(name)!;
    }
}
