using System.Runtime.InteropServices;
using Iced.Intel;
using static Halftone.Engine.Memory.KernelCode;
using static Iced.Intel.AssemblerRegisters;

namespace Halftone.Engine.Kernels.Depthwise;

/// <summary>What an assembled depthwise kernel is called with.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct DepthwiseCall
{
    /// <summary>First tap of the first pixel in each of three kernel rows.</summary>
    public byte* Row0, Row1, Row2;

    /// <summary>The first output pixel.</summary>
    public byte* Y;

    /// <summary>Output pixels, 1 or more.</summary>
    public long Pixels;

    /// <summary>Weights, biases and constants of 64 channels (<see cref="Avx512VnniDepthwiseKernel"/>).</summary>
    public byte* Constants;
}

/// <summary>Assembles the AVX-512 VNNI kernel of depthwise 3x3 convolutions, stride 1 or 2: a line of outputs of up to 64 channels.</summary>
/// <remarks>
/// The three kernel rows are interleaved to groups of 4 bytes (row 0, row 1, row 2, zero), so that one vpdpbusd does the three taps of a column. With stride 1 an interleaved column serves three outputs,
/// whose sums take turns in three sets of registers; with stride 2 every other column serves two. Unpacking and packing are each other's inverse, so channels stay in order.
/// </remarks>
internal sealed class DepthwiseCode
{
    /// <summary>Where constants lie: weights of three columns, biases, scales, then the tail.</summary>
    public const int Biases = 3 * 256, Scales = Biases + 256, Tail = Scales + 256, Bytes = Tail + 64;

    private const int Column = 24; // the interleaved column, 4 registers
    private readonly Assembler _code = new(64);
    private readonly DepthwiseProblem _problem;
    private readonly bool _full;
    private readonly bool _mayOverflow;
    private readonly FloatRequantize _epilogue;

    private DepthwiseCode(DepthwiseProblem problem, bool full, bool mayOverflow)
    {
        (_problem, _full, _mayOverflow) = (problem, full, mayOverflow);
        _epilogue = (FloatRequantize)problem.Epilogue;
    }

    /// <summary>Assembles the kernel.</summary>
    /// <param name="problem">A problem of three rows and columns.</param>
    /// <param name="full">Whether all 64 channels are there.</param>
    /// <param name="mayOverflow">Whether a scaled sum can exceed 32 bits.</param>
    /// <param name="windows">Whether for the calling convention of Windows.</param>
    public static Assembler Assemble(DepthwiseProblem problem, bool full, bool mayOverflow, bool windows)
    {
        var code = new DepthwiseCode(problem, full, mayOverflow);
        code.Emit(windows);
        return code._code;
    }

    private void Emit(bool windows)
    {
        Assembler c = _code;
        Enter(c, windows);
        c.mov(rax, __qword_ptr[rdi]);
        c.mov(rdx, __qword_ptr[rdi + 8]);
        c.mov(rsi, __qword_ptr[rdi + 16]);
        c.mov(rcx, __qword_ptr[rdi + 24]);
        c.mov(r8, __qword_ptr[rdi + 32]);
        c.mov(r9, __qword_ptr[rdi + 40]);
        c.kmovq(k1, __qword_ptr[r9 + (Tail + 16)]);
        for (int i = 0; i < 12; i++)
        {
            c.vmovdqu64(Zmm(12 + i), __zmmword_ptr[r9 + (64 * i)]);
        }

        c.vpxord(zmm28, zmm28, zmm28);
        c.vpbroadcastw(zmm31, __word_ptr[r9 + Tail]);
        Label done = c.CreateLabel();
        if (_problem.PixelStride == _problem.TapStride)
        {
            StrideOne(done);
        }
        else
        {
            StrideTwo(done);
        }

        c.Label(ref done);
        Leave(c, windows);
    }

    private void StrideOne(Label done)
    {
        Assembler c = _code;
        int tap = _problem.TapStride;
        Label loop = c.CreateLabel();
        Begin(0);
        Interleave(0);
        Add(0, 0);
        Begin(1);
        Interleave(tap);
        Add(0, 1);
        Add(1, 0);
        c.Label(ref loop);
        for (int turn = 0; turn < 3; turn++)
        {
            (int first, int second, int third) = (turn, (turn + 1) % 3, (turn + 2) % 3);
            Begin(third);
            Interleave((2 + turn) * tap);
            Add(first, 2);
            Add(second, 1);
            Add(third, 0);
            Store(first);
            c.dec(r8);
            c.jz(done);
        }

        Advance(3 * tap);
        c.jmp(loop);
    }

    private void StrideTwo(Label done)
    {
        Assembler c = _code;
        int tap = _problem.TapStride;
        Label loop = c.CreateLabel();
        Begin(0);
        Interleave(0);
        Add(0, 0);
        c.Label(ref loop);
        for (int turn = 0; turn < 2; turn++)
        {
            (int first, int second) = (turn, 1 - turn);
            Interleave((1 + (2 * turn)) * tap);
            Add(first, 1);
            Begin(second);
            Interleave((2 + (2 * turn)) * tap);
            Add(first, 2);
            Add(second, 0);
            Store(first);
            c.dec(r8);
            c.jz(done);
        }

        Advance(4 * tap);
        c.jmp(loop);
    }

    private void Advance(int bytes)
    {
        _code.add(rax, bytes);
        _code.add(rdx, bytes);
        _code.add(rsi, bytes);
    }

    private void Begin(int set)
    {
        for (int j = 0; j < 4; j++)
        {
            _code.vmovdqu32(Zmm((4 * set) + j), __zmmword_ptr[r9 + (Biases + (64 * j))]);
        }
    }

    private void Add(int set, int column)
    {
        for (int j = 0; j < 4; j++)
        {
            _code.vpdpbusd(Zmm((4 * set) + j), Zmm(Column + j), Zmm(12 + (4 * column) + j));
        }
    }

    private void Interleave(int at)
    {
        Assembler c = _code;
        c.vmovdqu64(zmm29, __zmmword_ptr[rax + at]);
        c.vpunpcklbw(zmm24, zmm29, __zmmword_ptr[rdx + at]);
        c.vpunpckhbw(zmm26, zmm29, __zmmword_ptr[rdx + at]);
        c.vmovdqu64(zmm30, __zmmword_ptr[rsi + at]);
        c.vpunpcklbw(zmm29, zmm30, zmm28);
        c.vpunpckhbw(zmm30, zmm30, zmm28);
        c.vpunpckhwd(zmm25, zmm24, zmm29);
        c.vpunpcklwd(zmm24, zmm24, zmm29);
        c.vpunpckhwd(zmm27, zmm26, zmm30);
        c.vpunpcklwd(zmm26, zmm26, zmm30);
    }

    private void Store(int set)
    {
        Assembler c = _code;
        int first = 4 * set;
        for (int j = 0; j < 4; j++)
        {
            c.vcvtdq2ps(Zmm(first + j), Zmm(first + j));
            c.vmulps(Zmm(first + j), Zmm(first + j), __zmmword_ptr[r9 + (Scales + (64 * j))]);
            if (_mayOverflow)
            {
                c.vbroadcastss(zmm30, __dword_ptr[r9 + (Tail + 8)]);
                c.vminps(Zmm(first + j), zmm30, Zmm(first + j)); // what is not a number stays so, and ends as the least code
            }

            c.vcvtps2dq(Zmm(first + j), Zmm(first + j));
        }

        AssemblerRegisterZMM low = Zmm(first);
        AssemblerRegisterZMM high = Zmm(first + 2);
        c.vpackssdw(low, low, Zmm(first + 1));
        c.vpackssdw(high, high, Zmm(first + 3));
        c.vpaddsw(low, low, zmm31);
        c.vpaddsw(high, high, zmm31);
        c.vpackuswb(low, low, high);
        if (_epilogue.Least > 0)
        {
            c.vpbroadcastb(zmm30, __byte_ptr[r9 + (Tail + 4)]);
            c.vpmaxub(low, low, zmm30);
        }

        if (_epilogue.Most < 255)
        {
            c.vpbroadcastb(zmm30, __byte_ptr[r9 + (Tail + 5)]);
            c.vpminub(low, low, zmm30);
        }

        AssemblerMemoryOperand to = __zmmword_ptr[rcx];
        c.vmovdqu8(_full ? to : to.k1, low);
        c.add(rcx, _problem.OutputStride);
    }
}
