using System.Collections.Immutable;
using Halftone.Engine.Kernels.Products;
using Halftone.Engine.Kernels.Vectors;

namespace Halftone.Engine.Kernels.Winograd;

/// <summary>How Winograd convolutions are computed on one kind of machine.</summary>
/// <param name="Name">Of the tier of products that it belongs to.</param>
/// <param name="MostInputs">Most input channels that it takes.</param>
/// <param name="FewestTiles">Fewest tiles for which transformed weights, eight times as long as others, are read in less time than the products they save take.</param>
/// <param name="Build">Transforms a problem's weights.</param>
internal sealed record WinogradTier(string Name, int MostInputs, int FewestTiles, Func<WinogradProblem, WinogradKernel> Build);

/// <summary>The tiers of Winograd convolutions.</summary>
internal static class WinogradTiers
{
    /// <summary>All tiers, best first. Fixed-point requantization is not assembled.</summary>
    public static ImmutableArray<WinogradTier> All { get; } =
    [
        new("avx512vnni", 128, 4, p => p.Epilogue is FixedPointRequantize ? Build256<Avx2PairDot>(p) : new Avx512VnniWinogradKernel(p)),
        new("avxvnni", 256, 16, Build256<AvxVnniPairDot>),
        new("avx2", 256, 4, Build256<Avx2PairDot>),
    ];

    /// <summary>That of a tier of products; null where it has none.</summary>
    /// <param name="forced">The tier's name; null or empty for the best.</param>
    public static WinogradTier? Choose(string? forced)
    {
        string best = ProductTiers.Choose(forced).Name;
        return All.FirstOrDefault(t => t.Name == best);
    }

    /// <summary>The kernel of an x64 instruction set.</summary>
    internal static WinogradKernel Build256<TDot>(WinogradProblem problem)
        where TDot : struct, IPairDot => problem.Epilogue switch
        {
            FloatRequantize => new VectorWinogradKernel<TDot, FloatRequantize256>(problem),
            FixedPointRequantize { Form: FixedPointForm.SingleRounding } => new VectorWinogradKernel<TDot, SingleRounding256>(problem),
            _ => new VectorWinogradKernel<TDot, DoubleRounding256>(problem),
        };
}
