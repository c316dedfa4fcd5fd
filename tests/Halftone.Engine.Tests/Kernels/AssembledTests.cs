using Halftone.Engine.Kernels.Products;
using Halftone.Engine.Kernels.Winograd;
using Halftone.Engine.Memory;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Halftone.Engine.Kernels;

public sealed unsafe class AssembledTests
{
    /// <summary>Kernels in the calling convention of Windows keep what belongs to the caller there: called through code that looks.</summary>
    [Fact]
    public void Kernels_for_Windows_keep_the_caller_s_registers()
    {
        Assert.SkipUnless(Cpu.HasAvx512Vnni, "this machine lacks AVX-512 VNNI");
        ProductProblem problem = new ProductCase(64, 7, 2, 16, EpilogueKind.Requantize, 3, atEnd: true).Problem;
        using var packed = new PackedProduct(problem);
        using ExecutableMemory kernel = ExecutableMemory.Assemble(ProductCode.Assemble(problem, packed, 0, [new(7, 1, [])], windows: true))!;
        byte[] a = new byte[4096];
        byte[] y = new byte[4096];
        fixed (byte* pa = a)
        fixed (byte* py = y)
        {
            var call = new ProductCall
            {
                A = pa + 1024,
                Weights = packed.Weights(0, 0),
                Y = py,
                Lines = 1,
                Bias = packed.Constants.Bias(0),
                Constants = packed.Constants.Of(0),
                Offsets = packed.Offsets(0),
                Segments = 2,
            };
            CallAsWindowsDoes(kernel.Address, &call);
        }
    }

    /// <inheritdoc cref="Kernels_for_Windows_keep_the_caller_s_registers"/>
    [Fact]
    public void Winograd_kernels_for_Windows_keep_the_caller_s_registers()
    {
        Assert.SkipUnless(Cpu.HasAvx512Vnni, "this machine lacks AVX-512 VNNI");
        const int Tiles = 6;
        WinogradProblem problem = new WinogradCase(16, 16, (1, 8, 8), EpilogueKind.Requantize, 1, 3, atEnd: true, residual: false).Problem;
        using var constants = new PanelConstants(1, problem.Bias, 144, problem.Epilogue, null);
        foreach (Assembler code in (Assembler[])
            [
                WinogradCode.Multiply(problem, constants, Tiles, windows: true),
                WinogradCode.Finish(problem, constants, Tiles, 0, windows: true),
                WinogradCode.Woven(problem, constants, Tiles, 0, windows: true),
            ])
        {
            using ExecutableMemory kernel = ExecutableMemory.Assemble(code)!;
            short[] numbers = new short[36 * 16 * 16];
            int[] products = new int[2 * 36 * Tiles * 16];
            byte[] y = new byte[16 * 16];
            WinogradTile[] tiles = new WinogradTile[Tiles];
            fixed (short* n = numbers)
            fixed (int* p = products)
            fixed (byte* py = y)
            fixed (WinogradTile* t = tiles)
            {
                tiles.AsSpan().Fill(new WinogradTile { Y = py, Line = 4 * 16 });
                var call = new WinogradCall { Inputs = n, Weights = n, Products = p, Starts = p, Finished = p + (36 * Tiles * 16), Tiles = t, Constants = constants.Of(0) };
                CallAsWindowsDoes(kernel.Address, &call);
            }
        }
    }

    private static void CallAsWindowsDoes(nint kernel, void* call)
    {
        using ExecutableMemory caller = ExecutableMemory.Assemble(Caller(kernel))!;
        byte[] found = new byte[(10 * 16) + 16];
        fixed (byte* pf = found)
        {
            void** arguments = stackalloc void*[] { call, pf };
            ((delegate* unmanaged<void**, void>)caller.Address)(arguments);
        }

        for (int register = 0; register < 10; register++)
        {
            Assert.All(found.AsSpan(register * 16, 16).ToArray(), b => Assert.Equal(register + 6, b));
        }

        Assert.Equal(0x1111, BitConverter.ToInt64(found, 160));
        Assert.Equal(0x2222, BitConverter.ToInt64(found, 168));
    }

    /// <summary>System V outside, Windows inside: fills xmm6 to xmm15, rdi and rsi, calls, and writes down what they hold after.</summary>
    private static Assembler Caller(nint kernel)
    {
        var c = new Assembler(64);
        AssemblerRegisterXMM[] vectors = [xmm6, xmm7, xmm8, xmm9, xmm10, xmm11, xmm12, xmm13, xmm14, xmm15];
        c.push(rbx);
        c.mov(rbx, __qword_ptr[rdi + 8]);
        c.mov(rcx, __qword_ptr[rdi]);
        for (int i = 0; i < vectors.Length; i++)
        {
            c.mov(eax, 0x01010101 * (i + 6));
            c.vmovd(vectors[i], eax);
            c.vpbroadcastd(vectors[i], vectors[i]);
        }

        c.mov(rdi, 0x1111);
        c.mov(rsi, 0x2222);
        c.sub(rsp, 32);
        c.mov(rax, kernel);
        c.call(rax);
        c.add(rsp, 32);
        for (int i = 0; i < vectors.Length; i++)
        {
            c.vmovups(__xmmword_ptr[rbx + (16 * i)], vectors[i]);
        }

        c.mov(__qword_ptr[rbx + 160], rdi);
        c.mov(__qword_ptr[rbx + 168], rsi);
        c.pop(rbx);
        c.ret();
        return c;
    }
}
