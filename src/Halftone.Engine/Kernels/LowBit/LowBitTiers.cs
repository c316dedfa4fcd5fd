using System.Runtime.Intrinsics.X86;
using Halftone.Engine.Memory;

namespace Halftone.Engine.Kernels.LowBit;

/// <summary>The ways to compute products by low-bit weights, the fastest last.</summary>
internal static unsafe class LowBitTiers
{
    /// <summary>All of them, whether or not this machine supports them.</summary>
    public static IReadOnlyList<LowBitTier> All { get; } =
    [
        new("reference", () => true, problem => new ReferenceLowBitKernel(problem)),
        new("avx2", () => Avx2.IsSupported && Fma.IsSupported, Vector<Avx2Products>),
        new("avxvnni", () => AvxVnni.IsSupported && Fma.IsSupported, Vector<AvxVnniProducts>),
        new("avx512vnni", () => Cpu.HasAvx512Vnni && Avx2.IsSupported && Fma.IsSupported, Assembled),
    ];

    private static LowBitKernel Vector<TProducts>(LowBitProblem problem)
        where TProducts : struct, IByteProducts
    {
        var packed = new LowBitPanels(problem);
        return problem.Arithmetic == LowBitArithmetic.Float ? new FloatLowBitKernel(packed)
            : packed.CodeBits == 2 ? new VectorLowBitKernel<TProducts, TwoBits>(packed)
            : new VectorLowBitKernel<TProducts, FourBits>(packed);
    }

    // floats gain nothing from assembly
    private static LowBitKernel Assembled(LowBitProblem problem)
    {
        var packed = new LowBitPanels(problem);
        return problem.Arithmetic == LowBitArithmetic.Float ? new FloatLowBitKernel(packed) : new AssembledLowBitKernel(packed);
    }
}
