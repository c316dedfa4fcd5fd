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

    /// <summary>Output pixels of a line, 1 or more.</summary>
    public long Pixels;

    /// <summary>Weights, biases and constants of 64 channels (<see cref="Avx512VnniDepthwiseKernel"/>).</summary>
    public byte* Constants;

    /// <summary>Taps that are beyond the input: <see cref="LineEdges"/>.</summary>
    public long Edges;

    /// <summary>Bytes from a line to the next, of each kernel row and of the output.</summary>
    public long Stride0, Stride1, Stride2, OutputStride;

    /// <summary>Lines, 1 or more.</summary>
    public long Lines;
}

/// <summary>A block of channels that one kernel computes.</summary>
/// <param name="Channels">Channels of a pixel, 1 to 64.</param>
/// <param name="Bytes">Bytes of the registers: 16, 32 or 64.</param>
/// <param name="Stride">Taps from an output, or a pair of them, to the next: 1, 2 or 4.</param>
/// <param name="AreTwoPixels">Whether the registers hold two outputs, one in each half.</param>
internal readonly record struct DepthwiseBlock(int Channels, int Bytes, int Stride, bool AreTwoPixels = false);

/// <summary>Assembles the AVX-512 VNNI kernel of depthwise 3x3 convolutions, stride 1 or 2: lines of outputs of up to 64 channels.</summary>
/// <remarks>
/// The three kernel rows are interleaved to groups of 4 bytes (row 0, row 1, row 2, zero), so that one vpdpbusd does the three taps of a column. With stride 1 an interleaved column serves three outputs,
/// whose sums take turns in three sets of registers; with stride 2 every other column serves two. A column beyond an edge is made of padding, not read. Unpacking and packing (<see cref="DepthwiseBytes"/>) are each other's inverse, so channels stay in order.
/// </remarks>
internal sealed class DepthwiseCode
{
    /// <summary>Where constants lie: weights of three columns, biases, scales, then the tail.</summary>
    public const int Biases = 3 * 256, Scales = Biases + 256, Tail = Scales + 256, Bytes = Tail + 64;

    /// <summary>Within the tail, what stands for a column of padding: three bytes of it and zero.</summary>
    public const int PaddingQuad = 24;

    private const int Column = 24; // the interleaved column, 4 registers
    private const int Zero = 28;
    private const int Low = 29;
    private const int Other = 30;

    private readonly Assembler _code = new(64) { PreferVex = false }; // narrow registers beyond 15 need EVEX
    private readonly LaneCode _lanes;
    private readonly DepthwiseBlock _block;
    private readonly int _tap;
    private readonly int _apart; // from a pixel to the next
    private readonly DepthwiseBytes _bytes;

    private DepthwiseCode(DepthwiseProblem problem, DepthwiseBlock block, bool mayOverflow)
    {
        (_tap, _apart, _block) = (problem.TapStride, problem.PixelStride, block);
        _lanes = new LaneCode(_code, block.Bytes);
        _bytes = new DepthwiseBytes(_code, problem, block, mayOverflow);
    }

    /// <summary>Assembles the kernel.</summary>
    /// <param name="problem">A problem of three rows and columns.</param>
    /// <param name="block">Which channels.</param>
    /// <param name="mayOverflow">Whether a scaled sum can exceed 32 bits.</param>
    /// <param name="windows">Whether for the calling convention of Windows.</param>
    public static Assembler Assemble(DepthwiseProblem problem, DepthwiseBlock block, bool mayOverflow, bool windows)
    {
        var code = new DepthwiseCode(problem, block, mayOverflow);
        code.Emit(windows);
        return code._code;
    }

    private void Emit(bool windows)
    {
        Assembler c = _code;
        Enter(c, windows);
        c.mov(r12, __qword_ptr[rdi]);
        c.mov(r13, __qword_ptr[rdi + 8]);
        c.mov(r14, __qword_ptr[rdi + 16]);
        c.mov(r15, __qword_ptr[rdi + 24]);
        c.mov(r9, __qword_ptr[rdi + 40]);
        c.mov(r10, __qword_ptr[rdi + 48]);
        c.mov(r11, r10);
        c.shr(r11, 1); // an output at the right edge
        c.kmovq(k1, __qword_ptr[r9 + (Tail + 16)]);
        for (int i = 0; i < 12; i++)
        {
            _lanes.Load(12 + i, __[r9 + (64 * i)]);
        }

        _lanes.Clear(Zero);
        _bytes.Begin();
        (Label line, Label done) = (c.CreateLabel(), c.CreateLabel());
        c.Label(ref line);
        c.mov(rax, r12);
        c.mov(rdx, r13);
        c.mov(rsi, r14);
        c.mov(rcx, r15);
        c.mov(r8, __qword_ptr[rdi + 32]);
        switch (_block.Stride)
        {
            case 1:
                StrideOne(done);
                break;
            case 2:
                StrideTwo(done);
                break;
            default:
                StrideFour(done);
                break;
        }

        c.Label(ref done);
        c.add(r12, __qword_ptr[rdi + 56]);
        c.add(r13, __qword_ptr[rdi + 64]);
        c.add(r14, __qword_ptr[rdi + 72]);
        c.add(r15, __qword_ptr[rdi + 80]);
        c.dec(__qword_ptr[rdi + 88]);
        c.jnz(line);
        Leave(c, windows);
    }

    /// <summary>Three outputs a turn, whose sums take turns in three sets; what is left at the right edge is the middle of the three.</summary>
    private void StrideOne(Label done)
    {
        Assembler c = _code;
        (Label loop, Label edge) = (c.CreateLabel(), c.CreateLabel());
        Label[] ends = [c.CreateLabel(), c.CreateLabel(), c.CreateLabel()];
        Begin(0);
        First();
        Add(0, 0);
        Begin(1);
        Interleave(_tap);
        Add(0, 1);
        Add(1, 0);
        LeaveLast(edge);
        c.Label(ref loop);
        for (int turn = 0; turn < 3; turn++)
        {
            (int first, int second, int third) = (turn, (turn + 1) % 3, (turn + 2) % 3);
            Begin(third);
            Interleave((2 + turn) * _tap);
            Add(first, 2);
            Add(second, 1);
            Add(third, 0);
            _bytes.Emit(first);
            c.dec(r8);
            c.jz(ends[turn]);
        }

        Advance(3 * _tap);
        c.jmp(loop);
        c.Label(ref edge);
        Last(0, 2 * _tap, done);
        for (int turn = 0; turn < 3; turn++)
        {
            c.Label(ref ends[turn]);
            AtEdge(done);
            Last((turn + 1) % 3, (3 + turn) * _tap, done);
        }
    }

    /// <summary>Two outputs a turn, in two sets.</summary>
    private void StrideTwo(Label done)
    {
        Assembler c = _code;
        (Label loop, Label edge) = (c.CreateLabel(), c.CreateLabel());
        Label[] ends = [c.CreateLabel(), c.CreateLabel()];
        Begin(0);
        First();
        Add(0, 0);
        LeaveLast(edge);
        c.Label(ref loop);
        for (int turn = 0; turn < 2; turn++)
        {
            (int first, int second) = (turn, 1 - turn);
            Interleave((1 + (2 * turn)) * _tap);
            Add(first, 1);
            Begin(second);
            Interleave((2 + (2 * turn)) * _tap);
            Add(first, 2);
            Add(second, 0);
            _bytes.Emit(first);
            c.dec(r8);
            c.jz(ends[turn]);
        }

        Advance(4 * _tap);
        c.jmp(loop);
        c.Label(ref edge);
        MiddleAndLast(0, _tap, done);
        for (int turn = 0; turn < 2; turn++)
        {
            c.Label(ref ends[turn]);
            AtEdge(done);
            MiddleAndLast(1 - turn, (3 + (2 * turn)) * _tap, done);
        }
    }

    /// <summary>Pairs of outputs that share no columns with the next.</summary>
    private void StrideFour(Label done)
    {
        Assembler c = _code;
        (Label loop, Label edge, Label end) = (c.CreateLabel(), c.CreateLabel(), c.CreateLabel());
        Begin(0);
        First();
        Add(0, 0);
        LeaveLast(edge);
        c.Label(ref loop);
        Interleave(_tap);
        Add(0, 1);
        Interleave(2 * _tap);
        Add(0, 2);
        _bytes.Emit(0);
        c.dec(r8);
        c.jz(end);
        Next();
        c.jmp(loop);
        c.Label(ref end);
        AtEdge(done);
        Next();
        c.Label(ref edge);
        MiddleAndLast(0, _tap, done);

        void Next()
        {
            Advance(4 * _tap);
            Begin(0);
            Interleave(0);
            Add(0, 0);
        }
    }

    private void First()
    {
        (Label inside, Label next) = (_code.CreateLabel(), _code.CreateLabel());
        _code.test(r10d, (int)LineEdges.Left);
        _code.jz(inside);
        Pad(0, LineEdges.Left);
        _code.jmp(next);
        _code.Label(ref inside);
        Interleave(0);
        _code.Label(ref next);
    }

    /// <summary>Takes an output at the right edge off those to come; jumps if no others are left.</summary>
    private void LeaveLast(Label edge)
    {
        _code.sub(r8, r11);
        _code.jz(edge);
    }

    private void AtEdge(Label done)
    {
        _code.test(r11d, r11d);
        _code.jz(done);
    }

    private void Last(int set, int at, Label done)
    {
        Pad(at, LineEdges.Right);
        Add(set, 2);
        _bytes.Emit(set);
        _code.jmp(done);
    }

    private void MiddleAndLast(int set, int at, Label done)
    {
        Interleave(at);
        Add(set, 1);
        Last(set, at + _tap, done);
    }

    /// <summary>A column of padding; of two pixels, the one that is inside is at hand.</summary>
    private void Pad(int at, LineEdges edge)
    {
        if (!_block.AreTwoPixels)
        {
            for (int j = 0; j < 4; j++)
            {
                _code.vpbroadcastd(Zmm(Column + j), __dword_ptr[r9 + (Tail + PaddingQuad)]);
            }

            return;
        }

        const int Padding = Column + 3, Second = Column + 1;
        (int half, int inside) = edge == LineEdges.Left ? (1, _apart) : (0, 0);
        _code.vpbroadcastb(Zmm(Padding), __byte_ptr[r9 + (Tail + PaddingQuad)]);
        _lanes.InsertHalf(Low, Padding, __[rax + (at + inside)], half);
        _lanes.InsertHalf(Second, Padding, __[rdx + (at + inside)], half);
        _lanes.InsertHalf(Other, Padding, __[rsi + (at + inside)], half);
        _lanes.UnpackLowBytes(Column, Low, Second);
        _lanes.UnpackHighBytes(Column + 2, Low, Second);
        Quads();
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
            _lanes.Load((4 * set) + j, __[r9 + (Biases + (64 * j))]);
        }
    }

    private void Add(int set, int column)
    {
        for (int j = 0; j < 4; j++)
        {
            _lanes.Dot((4 * set) + j, Column + j, 12 + (4 * column) + j);
        }
    }

    private void Interleave(int at)
    {
        const int Second = Column + 1;
        Load(Low, rax, at);
        Load(Second, rdx, at);
        _lanes.UnpackLowBytes(Column, Low, Second);
        _lanes.UnpackHighBytes(Column + 2, Low, Second);
        Load(Other, rsi, at);
        Quads();
    }

    private void Load(int to, AssemblerRegister64 row, int at)
    {
        if (!_block.AreTwoPixels || 2 * _apart == _block.Bytes)
        {
            _lanes.Load(to, __[row + at]);
            return;
        }

        _lanes.LoadHalf(to, __[row + at]);
        _lanes.InsertHalf(to, to, __[row + (at + _apart)], 1);
    }

    /// <summary>Groups of four from those of two rows and what the third has.</summary>
    private void Quads()
    {
        _lanes.UnpackLowBytes(Low, Other, Zero);
        _lanes.UnpackHighBytes(Other, Other, Zero);
        _lanes.UnpackHighWords(Column + 1, Column, Low);
        _lanes.UnpackLowWords(Column, Column, Low);
        _lanes.UnpackHighWords(Column + 3, Column + 2, Other);
        _lanes.UnpackLowWords(Column + 2, Column + 2, Other);
    }
}
