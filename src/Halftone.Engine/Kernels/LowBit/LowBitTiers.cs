using System.Runtime.Intrinsics.X86;
using Halftone.Engine.Memory;

namespace Halftone.Engine.Kernels.LowBit;

/// <summary>The ways to compute products by low-bit weights.</summary>
internal static unsafe class LowBitTiers
{
    /// <summary>All of them, best first, whether or not this machine supports them.</summary>
    public static IReadOnlyList<LowBitTier> All { get; } =
    [
new("avx512vnni", () => Cpu.HasAvx512Vnni && Avx2.IsSupported && Fma.IsSupported, problem => Kernel("avx512vnni", new LowBitPanels(problem))),
        new("avxvnni", () => AvxVnni.IsSupported && Fma.IsSupported, problem => Kernel("avxvnni", new LowBitPanels(problem))),
        new("avx2", () => Avx2.IsSupported && Fma.IsSupported, problem => Kernel("avx2", new LowBitPanels(problem))),
        new("reference", () => true, problem => new ReferenceLowBitKernel(problem)),
    ];

    /// <summary>The best tier that this machine has, up to the one of a name; a name that is only another family's means the reference.</summary>
    /// <param name="forced">A name of <see cref="Products.ProductTiers"/>, or null or empty for the best.</param>
    public static LowBitTier Choose(string? forced)
    {
        IEnumerable<LowBitTier> allowed = string.IsNullOrEmpty(forced) ? All : All.SkipWhile(t => t.Name != forced);
        return allowed.FirstOrDefault(t => t.IsSupported()) ?? All[^1];
    }

    /// <summary>The kernel of a tier other than the reference for packed weights, which it owns.</summary>
    public static LowBitKernel Kernel(string tier, LowBitPanels packed) => (packed.Problem.Arithmetic, tier) switch
    {
        (LowBitArithmetic.Float, _) => packed.CodeBits == 2 ? Float<TwoBits>(tier, packed) : Float<FourBits>(tier, packed),
        (_, "avx512vnni") => new AssembledLowBitKernel(packed),
        _ => packed.CodeBits == 2 ? Integer<TwoBits>(tier, packed) : Integer<FourBits>(tier, packed),
    };

    // natively compiled programs have the assembled code, but perhaps not the intrinsics
    private static LowBitKernel Float<TWidth>(string tier, LowBitPanels packed)
        where TWidth : struct, ICodeWidth =>
        tier == "avx512vnni" && Avx512F.IsSupported ? new Avx512FloatLowBitKernel<TWidth>(packed) : new Avx2FloatLowBitKernel<TWidth>(packed);

    private static LowBitKernel Integer<TWidth>(string tier, LowBitPanels packed)
        where TWidth : struct, ICodeWidth => tier switch
        {
            "avx2" => new VectorLowBitKernel<Avx2Products, TWidth>(packed),
            "avxvnni" => new VectorLowBitKernel<AvxVnniProducts, TWidth>(packed),
            _ => throw new ArgumentException($"There is no tier {tier}.", nameof(tier)),
        };
}
