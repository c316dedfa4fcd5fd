using System.CommandLine;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using Spectre.Console;

namespace Halftone.Cli.Commands;

/// <summary>halftone doctor: the machine as Halftone sees it.</summary>
internal static class Doctor
{
    /// <summary>What matters for quantized networks.</summary>
    /// <param name="Halftone">Version of the tool.</param>
    /// <param name="Runtime">The .NET that runs it.</param>
    /// <param name="System">Operating system.</param>
    /// <param name="Architecture">Processor architecture.</param>
    /// <param name="Cores">Cores that may be used.</param>
    /// <param name="MemoryBytes">Memory that may be used.</param>
    /// <param name="Features">Instruction sets, and whether the processor has them.</param>
    internal sealed record Report(
        string Halftone, string Runtime, string System, string Architecture, int Cores, long MemoryBytes, IReadOnlyDictionary<string, bool> Features);

    /// <summary>The command.</summary>
    public static Command Command() =>
        new CliCommand("doctor", "Shows the machine as Halftone sees it: system, memory, instruction sets.", "halftone doctor", "halftone doctor --json")
            .Does((_, terminal, _) =>
            {
                Report report = Examine();
                terminal.Result(report, console => Show(report, console));
                return ExitCode.Ok;
            });

    private static Report Examine() => new(
        CliApplication.Version,
        RuntimeInformation.FrameworkDescription,
        RuntimeInformation.OSDescription,
        RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant(),
        Environment.ProcessorCount,
        GC.GetGCMemoryInfo().TotalAvailableMemoryBytes,
        RuntimeInformation.ProcessArchitecture is Architecture.X64 or Architecture.X86 ? X64() : Arm64());

    private static Dictionary<string, bool> X64()
    {
        (int b, int c) = X86Base.IsSupported ? Leaf7() : (0, 0);
        return new()
        {
            ["avx2"] = Avx2.IsSupported,
            ["fma"] = Fma.IsSupported,
            ["avx-vnni"] = AvxVnni.IsSupported,
            ["avx512f"] = Avx512F.IsSupported,
            ["avx512bw"] = Avx512BW.IsSupported,
            // .NET has no class of these two; the processor says it, and the system must save the registers
            ["avx512-vnni"] = Avx512F.IsSupported && (c & (1 << 11)) != 0,
            ["avx512-vpopcntdq"] = Avx512F.IsSupported && (c & (1 << 14)) != 0,
            ["bmi2"] = (b & (1 << 8)) != 0 && Bmi2.IsSupported,
        };
    }

    private static (int Ebx, int Ecx) Leaf7()
    {
        (int highest, _, _, _) = X86Base.CpuId(0, 0);
        if (highest < 7)
        {
            return (0, 0);
        }

        (_, int b, int c, _) = X86Base.CpuId(7, 0);
        return (b, c);
    }

    private static Dictionary<string, bool> Arm64() => new()
    {
        ["advsimd"] = AdvSimd.IsSupported,
        ["dotprod"] = Dp.IsSupported,
    };

    private static void Show(Report report, IAnsiConsole console)
    {
        Grid grid = new Grid().AddColumn(new GridColumn().NoWrap()).AddColumn();
        void Line(string name, string value) => grid.AddRow(new Text(name), new Text(value));
        Line("halftone", report.Halftone);
        Line("runtime", report.Runtime);
        Line("system", $"{report.System}, {report.Architecture}");
        Line("machine", $"{report.Cores} cores, {Quantity.Size(report.MemoryBytes)}");
        Line("has", string.Join(", ", report.Features.Where(f => f.Value).Select(f => f.Key)));
        Line("lacks", string.Join(", ", report.Features.Where(f => !f.Value).Select(f => f.Key)));
        console.Write(grid);
    }
}
