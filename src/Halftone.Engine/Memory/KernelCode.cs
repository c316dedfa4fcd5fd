using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Halftone.Engine.Memory;

/// <summary>Entry and exit of assembled kernels, which take one pointer and return nothing, in the calling convention of the system.</summary>
/// <remarks>
/// System V (Linux, macOS): the pointer comes in rdi; rbx, rbp and r12 to r15 belong to the caller. Windows: it comes in rcx; rdi, rsi and xmm6 to xmm15 belong to the caller too.
/// After <see cref="Enter"/> the pointer is in rdi, and a kernel may use all registers but rsp.
/// </remarks>
internal static class KernelCode
{
    private static readonly AssemblerRegister64[] s_saved = [rbx, rbp, r12, r13, r14, r15];
    private static readonly AssemblerRegister64[] s_savedOnWindows = [rdi, rsi];
    private static readonly AssemblerRegisterXMM[] s_vectors = [xmm6, xmm7, xmm8, xmm9, xmm10, xmm11, xmm12, xmm13, xmm14, xmm15];

    /// <summary>The zmm registers by number.</summary>
    public static AssemblerRegisterZMM Zmm(int number) => s_zmm[number];

    /// <summary>The xmm registers by number.</summary>
    public static AssemblerRegisterXMM Xmm(int number) => s_xmm[number];

    /// <summary>The ymm registers by number.</summary>
    public static AssemblerRegisterYMM Ymm(int number) => s_ymm[number];

    /// <summary>Saves what belongs to the caller and brings the argument to rdi.</summary>
    public static void Enter(Assembler code, bool windows)
    {
        foreach (AssemblerRegister64 register in s_saved)
        {
            code.push(register);
        }

        if (windows)
        {
            Array.ForEach(s_savedOnWindows, code.push);
            code.sub(rsp, 16 * s_vectors.Length);
            for (int i = 0; i < s_vectors.Length; i++)
            {
                code.vmovups(__xmmword_ptr[rsp + (16 * i)], s_vectors[i]);
            }

            code.mov(rdi, rcx);
        }
    }

    /// <summary>Restores and returns.</summary>
    public static void Leave(Assembler code, bool windows)
    {
        code.vzeroupper();
        if (windows)
        {
            for (int i = 0; i < s_vectors.Length; i++)
            {
                code.vmovups(s_vectors[i], __xmmword_ptr[rsp + (16 * i)]);
            }

            code.add(rsp, 16 * s_vectors.Length);
            code.pop(rsi);
            code.pop(rdi);
        }

        for (int i = s_saved.Length - 1; i >= 0; i--)
        {
            code.pop(s_saved[i]);
        }

        code.ret();
    }

    private static readonly AssemblerRegisterZMM[] s_zmm =
    [
        zmm0, zmm1, zmm2, zmm3, zmm4, zmm5, zmm6, zmm7, zmm8, zmm9, zmm10, zmm11, zmm12, zmm13, zmm14, zmm15,
        zmm16, zmm17, zmm18, zmm19, zmm20, zmm21, zmm22, zmm23, zmm24, zmm25, zmm26, zmm27, zmm28, zmm29, zmm30, zmm31,
    ];

    private static readonly AssemblerRegisterXMM[] s_xmm =
    [
        xmm0, xmm1, xmm2, xmm3, xmm4, xmm5, xmm6, xmm7, xmm8, xmm9, xmm10, xmm11, xmm12, xmm13, xmm14, xmm15,
        xmm16, xmm17, xmm18, xmm19, xmm20, xmm21, xmm22, xmm23, xmm24, xmm25, xmm26, xmm27, xmm28, xmm29, xmm30, xmm31,
    ];

    private static readonly AssemblerRegisterYMM[] s_ymm =
    [
        ymm0, ymm1, ymm2, ymm3, ymm4, ymm5, ymm6, ymm7, ymm8, ymm9, ymm10, ymm11, ymm12, ymm13, ymm14, ymm15,
        ymm16, ymm17, ymm18, ymm19, ymm20, ymm21, ymm22, ymm23, ymm24, ymm25, ymm26, ymm27, ymm28, ymm29, ymm30, ymm31,
    ];
}
