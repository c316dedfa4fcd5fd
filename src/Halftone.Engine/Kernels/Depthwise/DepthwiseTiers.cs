using System.Collections.Immutable;
using System.Runtime.Intrinsics;
using Halftone.Engine.Kernels.Products;
using Halftone.Engine.Kernels.Vectors;

namespace Halftone.Engine.Kernels.Depthwise;

/// <summary>The tiers of depthwise convolutions.</summary>
internal static class DepthwiseTiers
{
    /// <summary>All tiers, best first; their names are names of <see cref="ProductTiers"/>, in the same order.</summary>
    public static ImmutableArray<DepthwiseTier> All { get; } =
    [
        Avx512VnniDepthwiseKernel.Tier,
        new("avxvnni", _ => AvxVnniDot.IsSupported, Build256<UnsignedDotSet<AvxVnniDot>>),
        new("avx2", _ => Avx2Set.IsSupported, Build256<Avx2Set>),
        new("advsimd", _ => AdvSimdDot.IsSupported, Build128<SignedDotSet<AdvSimdDot>>),
        new("reference", _ => true, p => new ReferenceDepthwise(p)),
    ];

    /// <summary>The tier of a name, or the best that this machine has. A tier without a form for the problem leaves it to the next.</summary>
    /// <param name="forced">A name, as of the environment variable HALFTONE_ENGINE_TIER; null or empty for the best.</param>
    /// <param name="problem">What is to be computed.</param>
    /// <exception cref="ArgumentException">There is no such tier, or this machine cannot run it.</exception>
    public static DepthwiseTier Choose(string? forced, DepthwiseProblem problem)
    {
        string best = ProductTiers.Choose(forced).Name;
        IEnumerable<string> allowed = ProductTiers.All.Select(t => t.Name).SkipWhile(n => n != best);
        return allowed.SelectMany(n => All.Where(t => t.Name == n)).First(t => t.IsSupported(problem));
    }

    /// <summary>The kernel of an x64 instruction set.</summary>
    internal static DepthwiseKernel Build256<TSet>(DepthwiseProblem problem)
        where TSet : struct, IInstructionSet<Sums256, Quads256, Vector256<byte>> => problem.Epilogue switch
        {
            StoreSums => new VectorDepthwise<TSet, Sums256, Quads256, Vector256<byte>, StoreSums256>(problem),
            ToFloat => new VectorDepthwise<TSet, Sums256, Quads256, Vector256<byte>, ToFloat256>(problem),
            FloatRequantize => new VectorDepthwise<TSet, Sums256, Quads256, Vector256<byte>, FloatRequantize256>(problem),
            FixedPointRequantize { Form: FixedPointForm.SingleRounding } =>
                new VectorDepthwise<TSet, Sums256, Quads256, Vector256<byte>, SingleRounding256>(problem),
            _ => new VectorDepthwise<TSet, Sums256, Quads256, Vector256<byte>, DoubleRounding256>(problem),
        };

    /// <summary>The kernel of an instruction set with signed dot products.</summary>
    internal static DepthwiseKernel Build128<TSet>(DepthwiseProblem problem)
        where TSet : struct, IInstructionSet<Sums128, Quads128, Vector128<sbyte>> => problem.Epilogue switch
        {
            StoreSums => new VectorDepthwise<TSet, Sums128, Quads128, Vector128<sbyte>, StoreSums128>(problem),
            ToFloat => new VectorDepthwise<TSet, Sums128, Quads128, Vector128<sbyte>, ToFloat128>(problem),
            FloatRequantize => new VectorDepthwise<TSet, Sums128, Quads128, Vector128<sbyte>, FloatRequantize128>(problem),
            FixedPointRequantize { Form: FixedPointForm.SingleRounding } =>
                new VectorDepthwise<TSet, Sums128, Quads128, Vector128<sbyte>, SingleRounding128>(problem),
            _ => new VectorDepthwise<TSet, Sums128, Quads128, Vector128<sbyte>, DoubleRounding128>(problem),
        };
}
