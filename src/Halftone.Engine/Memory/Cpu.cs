using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Halftone.Engine.Memory;

/// <summary>What the processor can do beyond what .NET's intrinsics show.</summary>
internal static unsafe class Cpu
{
    /// <summary>Why assembled code may not use AVX-512 F, BW, VL and VNNI; null where it may.</summary>
    public static string? Avx512VnniObstacle { get; } = FindObstacle();

    /// <summary>Whether assembled code may use AVX-512 F, BW, VL and VNNI: the processor has them, the system saves their registers, and it grants executable memory.</summary>
    public static bool HasAvx512Vnni => Avx512VnniObstacle is null;

    /// <summary>Whether it is a Zen 4, where 512-bit operations take the units of two cycles, and multiplying leaves those that add free.</summary>
    public static bool IsZen4 { get; } = HasAvx512Vnni && FamilyOfAmd() == 25;

    private static int FamilyOfAmd()
    {
        const int Auth = 0x68747541; // AuthenticAMD begins so
        int signature = X86Base.CpuId(1, 0).Eax;
        return X86Base.CpuId(0, 0).Ebx == Auth ? ((signature >> 8) & 15) + ((signature >> 20) & 0xFF) : 0;
    }

    private static string? FindObstacle()
    {
        const string Missing = "the processor has no AVX-512 with VNNI";
        if (RuntimeInformation.ProcessArchitecture != Architecture.X64 || !X86Base.IsSupported || X86Base.CpuId(0, 0).Eax < 7)
        {
            return Missing;
        }

        const int Foundation = 1 << 16, BytesAndWords = 1 << 30, VectorLengths = 1 << 31, Vnni = 1 << 11;
        const int Needed = Foundation | BytesAndWords | VectorLengths;
        (_, int ebx, int ecx, _) = X86Base.CpuId(7, 0);
        if ((ebx & Needed) != Needed || (ecx & Vnni) == 0)
        {
            return Missing;
        }

        const string NotSaved = "the system does not save the registers of AVX-512";
        bool asks = (X86Base.CpuId(1, 0).Ecx & (1 << 27)) != 0;
        return !asks ? NotSaved : SystemSavesZmm() switch
        {
            null => "the system grants no executable memory",
            false => NotSaved,
            true => null,
        };
    }

    // XGETBV has no intrinsic; natively compiled programs do not know Avx512F.IsSupported at run time
    private static bool? SystemSavesZmm()
    {
        const int SseToZmm = 0xE6;
        var code = new Assembler(64);
        code.xor(ecx, ecx);
        code.xgetbv();
        code.ret();
        using ExecutableMemory? memory = ExecutableMemory.Assemble(code);
        return memory is null ? null : (((delegate* unmanaged<int>)memory.Address)() & SseToZmm) == SseToZmm;
    }
}
