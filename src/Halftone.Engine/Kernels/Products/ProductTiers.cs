using System.Collections.Immutable;
using System.Runtime.Intrinsics;
using Halftone.Engine.Kernels.Vectors;

namespace Halftone.Engine.Kernels.Products;

/// <summary>The tiers of products.</summary>
internal static class ProductTiers
{
    /// <summary>All tiers, best first.</summary>
    public static ImmutableArray<ProductTier> All { get; } =
    [
        Avx512VnniProductKernel.Tier,
        new("avxvnni", () => AvxVnniDot.IsSupported, Build256<UnsignedDotSet<AvxVnniDot>>),
        new("avx2", () => Avx2Set.IsSupported, Build256<Avx2Set>),
        new("advsimd", () => AdvSimdDot.IsSupported, Build128<SignedDotSet<AdvSimdDot>>),
        new("reference", () => true, p => new ReferenceProducts(p)),
    ];

    /// <summary>The tier of a name, or the best that this machine has.</summary>
    /// <param name="forced">A name, as of the environment variable HALFTONE_ENGINE_TIER; null or empty for the best.</param>
    /// <exception cref="ArgumentException">There is no such tier, or this machine cannot run it.</exception>
    public static ProductTier Choose(string? forced)
    {
        if (string.IsNullOrEmpty(forced))
        {
            return All.First(t => t.IsSupported());
        }

        ProductTier? named = All.FirstOrDefault(t => t.Name == forced);
        if (named is not null && named.IsSupported())
        {
            return named;
        }

        string why = named is null ? "is no tier of the engine" : "is a tier of the engine that this machine cannot run";
        string here = string.Join(", ", All.Where(t => t.IsSupported()).Select(t => t.Name));
        throw new ArgumentException($"'{forced}' {why}. Tiers: {string.Join(", ", All.Select(t => t.Name))}; this machine runs {here}.");
    }

    /// <summary>The kernel of an x64 instruction set.</summary>
    internal static ProductKernel Build256<TSet>(ProductProblem problem)
        where TSet : struct, IInstructionSet<Sums256, Quads256, Vector256<byte>> => problem.Epilogue switch
        {
            StoreSums => new VectorProducts<TSet, Sums256, Quads256, Vector256<byte>, StoreSums256>(problem),
            ToFloat => new VectorProducts<TSet, Sums256, Quads256, Vector256<byte>, ToFloat256>(problem),
            FloatRequantize => new VectorProducts<TSet, Sums256, Quads256, Vector256<byte>, FloatRequantize256>(problem),
            FixedPointRequantize { Form: FixedPointForm.SingleRounding } =>
                new VectorProducts<TSet, Sums256, Quads256, Vector256<byte>, SingleRounding256>(problem),
            _ => new VectorProducts<TSet, Sums256, Quads256, Vector256<byte>, DoubleRounding256>(problem),
        };

    /// <summary>The kernel of an instruction set with signed dot products.</summary>
    internal static ProductKernel Build128<TSet>(ProductProblem problem)
        where TSet : struct, IInstructionSet<Sums128, Quads128, Vector128<sbyte>> => problem.Epilogue switch
        {
            StoreSums => new VectorProducts<TSet, Sums128, Quads128, Vector128<sbyte>, StoreSums128>(problem),
            ToFloat => new VectorProducts<TSet, Sums128, Quads128, Vector128<sbyte>, ToFloat128>(problem),
            FloatRequantize => new VectorProducts<TSet, Sums128, Quads128, Vector128<sbyte>, FloatRequantize128>(problem),
            FixedPointRequantize { Form: FixedPointForm.SingleRounding } =>
                new VectorProducts<TSet, Sums128, Quads128, Vector128<sbyte>, SingleRounding128>(problem),
            _ => new VectorProducts<TSet, Sums128, Quads128, Vector128<sbyte>, DoubleRounding128>(problem),
        };
}
