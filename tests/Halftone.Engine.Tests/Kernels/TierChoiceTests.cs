using Halftone.Engine.Kernels.Depthwise;
using Halftone.Engine.Kernels.Products;

namespace Halftone.Engine.Kernels;

public sealed class TierChoiceTests
{
    private static readonly DepthwiseProblem s_depthwise = new DepthwiseCase(16, 1, 3, 3, EpilogueKind.Requantize, 1, atEnd: true).Problem;

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    public void Without_a_name_the_best_supported_is_chosen(string? forced)
    {
        ProductTier chosen = ProductTiers.Choose(forced);
        Assert.True(chosen.IsSupported());
        Assert.DoesNotContain(ProductTiers.All.TakeWhile(t => t != chosen), t => t.IsSupported());
    }

    [Fact]
    public void A_supported_name_is_obeyed_and_another_is_an_error_that_lists_the_names()
    {
        foreach (ProductTier tier in ProductTiers.All)
        {
            if (tier.IsSupported())
            {
                Assert.Same(tier, ProductTiers.Choose(tier.Name));
            }
            else
            {
                Assert.Contains("cannot run", Assert.Throws<ArgumentException>(() => ProductTiers.Choose(tier.Name)).Message);
                Assert.Throws<ArgumentException>(() => DepthwiseTiers.Choose(tier.Name, s_depthwise));
            }
        }

        string message = Assert.Throws<ArgumentException>(() => ProductTiers.Choose("avx3")).Message;
        Assert.Contains("'avx3' is no tier", message);
        Assert.All(ProductTiers.All, t => Assert.Contains(t.Name, message));
    }

    [Fact]
    public void Depthwise_tiers_are_named_as_those_of_products_in_the_same_order_and_the_next_takes_what_one_cannot()
    {
        string[] names = [.. ProductTiers.All.Select(t => t.Name)];
        Assert.Equal(names.Where(n => DepthwiseTiers.All.Any(t => t.Name == n)), DepthwiseTiers.All.Select(t => t.Name));
        foreach (ProductTier forced in ProductTiers.All.Where(t => t.IsSupported()))
        {
            DepthwiseTier chosen = DepthwiseTiers.Choose(forced.Name, s_depthwise);
            Assert.True(chosen.IsSupported(s_depthwise));
            Assert.True(Array.IndexOf(names, chosen.Name) >= Array.IndexOf(names, forced.Name));
            if (DepthwiseTiers.All.FirstOrDefault(t => t.Name == forced.Name) is { } same && same.IsSupported(s_depthwise))
            {
                Assert.Same(same, chosen);
            }
        }
    }

    [Fact]
    public unsafe void Disposed_kernels_do_not_run()
    {
        foreach (ProductTier tier in ProductTiers.All.Where(t => t.IsSupported() && t.Name != "reference"))
        {
            ProductKernel kernel = tier.Build(new ProductCase(5, 1, 2, 3, EpilogueKind.Sums, 1, atEnd: true).Problem);
            kernel.Dispose();
            kernel.Dispose();
            Assert.Throws<ObjectDisposedException>(() => kernel.Run(null, null, 0, 0, 0));
        }
    }
}
