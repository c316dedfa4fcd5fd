using System.Diagnostics;
using Halftone.Engine.Memory;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Halftone.Engine.Bench.Peers;

/// <summary>What vpdpbusd reaches from registers: independent sums, nothing loaded.</summary>
internal static unsafe class DotProductPeak
{
    private const int Sums = 24;
    private const int Loops = 20_000;
    private const int MultiplyAdds = 64; // of one 512-bit instruction

    /// <summary>Multiply-adds a second of so many threads; 0 where the processor lacks the instruction.</summary>
    public static double Measure(int threads)
    {
        if (!Cpu.HasAvx512Vnni)
        {
            return 0;
        }

        using ExecutableMemory code = ExecutableMemory.Assemble(Loop())!;
        nint address = code.Address;
        double[] rates = new double[threads];
        Thread[] team = [.. Enumerable.Range(0, threads).Select(i => new Thread(() => rates[i] = Best(address)))];
        Array.ForEach(team, t => t.Start());
        Array.ForEach(team, t => t.Join());
        return rates.Sum();
    }

    private static double Best(nint address)
    {
        double best = 0;
        for (int i = 0; i < 200; i++)
        {
            long start = Stopwatch.GetTimestamp();
            ((delegate* unmanaged<void>)address)();
            best = Math.Max(best, (double)Sums * Loops * MultiplyAdds / Stopwatch.GetElapsedTime(start).TotalSeconds);
        }

        return best;
    }

    private static Assembler Loop()
    {
        var c = new Assembler(64);
        KernelCode.Enter(c, OperatingSystem.IsWindows());
        for (int i = 0; i < 32; i++)
        {
            c.vpxord(KernelCode.Zmm(i), KernelCode.Zmm(i), KernelCode.Zmm(i));
        }

        c.mov(ecx, Loops);
        Label loop = c.CreateLabel();
        c.Label(ref loop);
        for (int i = 0; i < Sums; i++)
        {
            c.vpdpbusd(KernelCode.Zmm(i), zmm30, zmm31);
        }

        c.dec(ecx);
        c.jnz(loop);
        KernelCode.Leave(c, OperatingSystem.IsWindows());
        return c;
    }
}
