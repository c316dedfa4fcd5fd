using System.Collections.Immutable;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using System.Text;

namespace Halftone.OnnxRuntime;

/// <summary>The machine as far as quantized inference is concerned.</summary>
/// <param name="Processor">Its name, or its architecture where it tells none.</param>
/// <param name="Cores">Logical processors that this process may use.</param>
/// <param name="Architecture">X64, Arm64, ...</param>
/// <param name="OperatingSystem">Its operating system.</param>
/// <param name="DotNet">.NET version.</param>
/// <param name="OnnxRuntime">ONNX Runtime version.</param>
/// <param name="InstructionSets">Those that integer kernels use, of the ones present.</param>
/// <param name="DotProducts">Whether it multiplies and adds four 8-bit products in one exact instruction (VNNI, dotprod).</param>
/// <param name="MatMulSaturates">Whether ONNX Runtime's MatMulInteger or QLinearMatMul cut u8 x s8 pair sums at 16 bits here: measured.</param>
/// <param name="ConvSaturates">Whether its QLinearConv does: measured.</param>
public sealed record MachineDescription(
    string Processor,
    int Cores,
    string Architecture,
    string OperatingSystem,
    string DotNet,
    string OnnxRuntime,
    ImmutableArray<string> InstructionSets,
    bool DotProducts,
    bool MatMulSaturates,
    bool ConvSaturates)
{
    /// <summary>What to expect of 8 bits here, in one or two sentences.</summary>
    public string Expectation
    {
        get
        {
            string speed = DotProducts
                ? "This processor has 8-bit dot products (VNNI or dotprod): quantized convolutions and matrix products should be clearly faster than float."
                : "This processor has no 8-bit dot products (VNNI or dotprod): expect little speed from 8 bits, and measure it.";
            string exact = MatMulSaturates || ConvSaturates
                ? $"Here {(MatMulSaturates && ConvSaturates ? "matrix products and convolutions" : MatMulSaturates ? "matrix products" : "convolutions")} of uint8 by int8 add pairs in saturating 16 bits, so that large weights give wrong sums: keep weights to 7 bits, or check that none saturates."
                : "Products of uint8 by int8 are exact here.";
            return $"{speed} {exact}";
        }
    }
}

/// <summary>Describes the machine.</summary>
public static class Machine
{
    /// <summary>Asks the processor and the system, and runs three tiny models that show whether integer kernels saturate.</summary>
    public static MachineDescription Describe() => new(
        Processor(),
        Environment.ProcessorCount,
        RuntimeInformation.ProcessArchitecture.ToString(),
        RuntimeInformation.OSDescription,
        RuntimeInformation.FrameworkDescription,
        OrtSession.RuntimeVersion,
        InstructionSets(),
        Avx512Vnni || AvxVnniPresent || Dp.IsSupported,
        Saturation.OfMatMulInteger() || Saturation.OfQLinearMatMul(),
        Saturation.OfQLinearConv());

    // CPUID leaf 7: subleaf 0, ECX bit 11; the operating system must keep 512-bit registers, which .NET has asked
    private static bool Avx512Vnni => X86Base.IsSupported && Avx512F.IsSupported && (X86Base.CpuId(7, 0).Ecx & (1 << 11)) != 0;

    // CPUID leaf 7: subleaf 1, EAX bit 4
    private static bool AvxVnniPresent => X86Base.IsSupported && Avx2.IsSupported && X86Base.CpuId(0, 0).Eax >= 7 && X86Base.CpuId(7, 0).Eax >= 1 && (X86Base.CpuId(7, 1).Eax & (1 << 4)) != 0;

    private static ImmutableArray<string> InstructionSets()
    {
        (string Name, bool Present)[] sets =
        [
            ("SSE4.1", Sse41.IsSupported), ("AVX", Avx.IsSupported), ("AVX2", Avx2.IsSupported), ("FMA", Fma.IsSupported),
            ("AVX-512F", Avx512F.IsSupported), ("AVX-512BW", Avx512BW.IsSupported), ("AVX-512 VNNI", Avx512Vnni), ("AVX-VNNI", AvxVnniPresent),
            ("AdvSimd", AdvSimd.IsSupported), ("dotprod", Dp.IsSupported), ("i8mm", CpuInfo("Features")?.Split(' ').Contains("i8mm") == true),
        ];
        return [.. sets.Where(s => s.Present).Select(s => s.Name)];
    }

    private static string Processor()
    {
        if (X86Base.IsSupported && (uint)X86Base.CpuId(unchecked((int)0x80000000), 0).Eax >= 0x80000004)
        {
            // the name stands in twelve registers, 48 bytes
            Span<int> registers = stackalloc int[12];
            for (int leaf = 0; leaf < 3; leaf++)
            {
                (registers[4 * leaf], registers[(4 * leaf) + 1], registers[(4 * leaf) + 2], registers[(4 * leaf) + 3]) = X86Base.CpuId(unchecked((int)0x80000002) + leaf, 0);
            }

            string name = Encoding.ASCII.GetString(MemoryMarshal.AsBytes(registers)).Trim('\0', ' ');
            if (name.Length > 0)
            {
                return name;
            }
        }

        return CpuInfo("model name") ?? (CpuInfo("CPU part") is { } part
            ? string.Create(CultureInfo.InvariantCulture, $"{RuntimeInformation.ProcessArchitecture} implementer {CpuInfo("CPU implementer")} part {part}")
            : RuntimeInformation.ProcessArchitecture.ToString());
    }

    /// <summary>A field of Linux's /proc/cpuinfo, or null.</summary>
    private static string? CpuInfo(string field) =>
        File.Exists("/proc/cpuinfo")
            ? File.ReadLines("/proc/cpuinfo").Select(l => l.Split(':', 2)).FirstOrDefault(p => p.Length == 2 && p[0].Trim() == field)?[1].Trim()
            : null;
}
