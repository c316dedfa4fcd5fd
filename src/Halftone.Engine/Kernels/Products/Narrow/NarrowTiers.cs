using System.Collections.Immutable;
using Halftone.Engine.Kernels.Vectors;

namespace Halftone.Engine.Kernels.Products.Narrow;

/// <summary>How saturating products are computed on one kind of machine.</summary>
/// <param name="Name">A name of <see cref="ProductTiers"/>.</param>
/// <param name="IsSupported">Whether this machine can.</param>
/// <param name="Build">Packs a problem's weights.</param>
internal sealed record NarrowTier(string Name, Func<bool> IsSupported, Func<NarrowProblem, ProductKernel> Build);

/// <summary>The tiers of saturating products. All give the same bits.</summary>
internal static class NarrowTiers
{
    /// <summary>All tiers, best first; their names are names of <see cref="ProductTiers"/>, in the same order.</summary>
    public static ImmutableArray<NarrowTier> All { get; } =
    [
        new("avx2", () => Avx2Set.IsSupported, BuildAvx2),
        new("reference", () => true, p => new ReferenceNarrowProducts(p)),
    ];

    /// <summary>The tier of a name, or the best that this machine has. A tier without a form for saturating products leaves them to the next.</summary>
    /// <param name="forced">A name, as of the environment variable HALFTONE_ENGINE_TIER; null or empty for the best.</param>
    /// <exception cref="ArgumentException">There is no such tier, or this machine cannot run it.</exception>
    public static NarrowTier Choose(string? forced)
    {
        string best = ProductTiers.Choose(forced).Name;
        IEnumerable<string> allowed = ProductTiers.All.Select(t => t.Name).SkipWhile(n => n != best);
        return allowed.SelectMany(n => All.Where(t => t.Name == n)).First(t => t.IsSupported());
    }

    private static ProductKernel BuildAvx2(NarrowProblem problem) => problem.Product.Epilogue switch
    {
        StoreSums => new VectorNarrowProducts<StoreSums256>(problem),
        ToFloat => new VectorNarrowProducts<ToFloat256>(problem),
        FloatRequantize => new VectorNarrowProducts<FloatRequantize256>(problem),
        FixedPointRequantize { Form: FixedPointForm.SingleRounding } => new VectorNarrowProducts<SingleRounding256>(problem),
        _ => new VectorNarrowProducts<DoubleRounding256>(problem),
    };
}
