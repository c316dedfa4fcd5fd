using System.Runtime.InteropServices;
using Halftone.Engine.Kernels.Products;
using Iced.Intel;
using static Halftone.Engine.Memory.KernelCode;
using static Iced.Intel.AssemblerRegisters;

namespace Halftone.Engine.Kernels.Winograd;

/// <summary>What the code is called with: what to multiply, and what to finish.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct WinogradCall
{
    /// <summary>[place][tile][channel].</summary>
    public short* Inputs;

    /// <summary>Of the panel: [place][pair of inputs][lane][2].</summary>
    public short* Weights;

    /// <summary>[place][tile][lane].</summary>
    public int* Products;

    /// <summary>What sums begin with: [place][lane].</summary>
    public int* Starts;

    /// <summary>Products of the panel to finish.</summary>
    public int* Finished;

    /// <summary>Where its outputs go.</summary>
    public WinogradTile* Tiles;

    /// <summary>Constants of its epilogue, laid out by <see cref="PanelConstants"/>.</summary>
    public byte* Constants;

    /// <summary>Its first channel.</summary>
    public long Channel;

    /// <summary>See <see cref="WinogradTransform.InverseOfNine"/>.</summary>
    public int InverseOfNine;
}

/// <summary>Assembles the loops of Winograd convolutions for AVX-512 VNNI: products at all places, outputs from them, and both at once.</summary>
/// <remarks>
/// Products keep the units that multiply busy, outputs those that add and shuffle: instructions of both, one after another by turns, take little longer than those of the products alone.
/// So they share the registers: sums and a weight are in zmm4 to zmm15, what becomes outputs in the others.
/// </remarks>
internal sealed class WinogradCode
{
    /// <summary>Most tiles of a block.</summary>
    public const int MostTiles = 11;

    private const int Places = WinogradTransform.Places;
    private const int Side = WinogradTransform.Inputs;
    private const int Outputs = WinogradTransform.Outputs;
    private const int Unroll = 4;
    private const int FirstSum = 4;
    private const int FirstHalf = 16;
    private const int MostWoven = 3000; // instructions of a turn that processors keep decoded
    private const int FinishingTile = 300; // about how many
    private const int ChannelOffset = 56; // in WinogradCall
    private const int InverseOffset = 64;

    private readonly WinogradProblem _problem;
    private readonly PanelConstants _constants;
    private readonly int _tiles;
    private readonly bool _full; // all 16 channels of the panel that is finished

    private WinogradCode(WinogradProblem problem, PanelConstants constants, int tiles, int panel)
    {
        (_problem, _constants, _tiles) = (problem, constants, tiles);
        _full = constants.ChannelsOf(panel) == WinogradKernel.PanelWidth;
    }

    private int Inputs => _problem.Inputs;

    private AssemblerRegisterZMM Weight => Zmm(FirstSum + _tiles);

    /// <summary>Turns that products and outputs of a block are dealt to evenly; 0 where a turn of both is too long.</summary>
    public static int Turns(int tiles, int inputs)
    {
        int turns = (int)System.Numerics.BigInteger.GreatestCommonDivisor(Places, tiles);
        return (Places / turns * (tiles + 1) * (inputs / 2)) + (tiles / turns * FinishingTile) <= MostWoven ? turns : 0;
    }

    /// <summary>The products of a panel, place by place: two inputs of each tile, broadcast, times two weights of every channel, vpdpwssd.</summary>
    /// <param name="problem">The problem.</param>
    /// <param name="constants">Constants of its channels.</param>
    /// <param name="tiles">Tiles of a block.</param>
    /// <param name="windows">Whether for the calling convention of Windows.</param>
    public static Assembler Multiply(WinogradProblem problem, PanelConstants constants, int tiles, bool windows)
    {
        var code = new WinogradCode(problem, constants, tiles, 0);
        var c = new Assembler(64);
        code.Begin(c, windows);
        c.mov(ebx, Places);
        Label place = c.CreateLabel();
        c.Label(ref place);
        code.Start(c, 0);
        c.mov(rax, rsi);
        c.mov(r11d, code.Inputs / (2 * Unroll));
        Label loop = c.CreateLabel();
        c.Label(ref loop);
        for (int pair = 0; pair < Unroll; pair++)
        {
            code.Step(c, rax, 4 * pair, 64 * pair);
        }

        c.add(rax, 4 * Unroll);
        c.add(rdx, 64 * Unroll);
        c.dec(r11d);
        c.jnz(loop);
        code.Store(c, 0);
        c.add(rsi, code.InputPitch);
        c.add(r8, code.ProductPitch);
        c.add(r9, 64);
        c.dec(ebx);
        c.jnz(place);
        Leave(c, windows);
        return c;
    }

    /// <summary>The outputs of a panel, tile by tile.</summary>
    /// <param name="problem">The problem.</param>
    /// <param name="constants">Constants of its channels.</param>
    /// <param name="tiles">Tiles of a block.</param>
    /// <param name="panel">The panel; panels of as many channels share the code.</param>
    /// <param name="windows">Whether for the calling convention of Windows.</param>
    public static Assembler Finish(WinogradProblem problem, PanelConstants constants, int tiles, int panel, bool windows)
    {
        var code = new WinogradCode(problem, constants, tiles, panel);
        var c = new Assembler(64);
        code.Begin(c, windows);
        c.mov(ebx, tiles);
        Label tile = c.CreateLabel();
        c.Label(ref tile);
        code.Tile(c);
        c.dec(ebx);
        c.jnz(tile);
        Leave(c, windows);
        return c;
    }

    /// <summary>The products of a panel and the outputs of another, in turns.</summary>
    /// <param name="problem">The problem.</param>
    /// <param name="constants">Constants of its channels.</param>
    /// <param name="tiles">Tiles of a block.</param>
    /// <param name="panel">The panel to finish; panels of as many channels share the code.</param>
    /// <param name="windows">Whether for the calling convention of Windows.</param>
    public static Assembler Woven(WinogradProblem problem, PanelConstants constants, int tiles, int panel, bool windows)
    {
        var code = new WinogradCode(problem, constants, tiles, panel);
        int turns = Turns(tiles, problem.Inputs);
        (Assembler products, Assembler outputs) = (new(64), new(64));
        for (int place = 0; place < Places / turns; place++)
        {
            code.Start(products, 64 * place);
            for (int pair = 0; pair < code.Inputs / 2; pair++)
            {
                code.Step(products, rsi, (place * code.InputPitch) + (4 * pair), 64 * ((place * code.Inputs / 2) + pair));
            }

            code.Store(products, place * code.ProductPitch);
        }

        for (int tile = 0; tile < tiles / turns; tile++)
        {
            code.Tile(outputs);
        }

        var c = new Assembler(64);
        code.Begin(c, windows);
        c.mov(ebx, turns);
        Label turn = c.CreateLabel();
        c.Label(ref turn);
        Weave(c, products.Instructions, outputs.Instructions);
        c.add(rsi, Places / turns * code.InputPitch);
        c.add(rdx, Places / turns * 32 * code.Inputs);
        c.add(r8, Places / turns * code.ProductPitch);
        c.add(r9, Places / turns * 64);
        c.dec(ebx);
        c.jnz(turn);
        Leave(c, windows);
        return c;
    }

    /// <summary>Both in their order, the shorter spread over the longer.</summary>
    private static void Weave(Assembler c, IReadOnlyList<Instruction> a, IReadOnlyList<Instruction> b)
    {
        (IReadOnlyList<Instruction> longer, IReadOnlyList<Instruction> shorter) = a.Count >= b.Count ? (a, b) : (b, a);
        for (int i = 0; i < longer.Count; i++)
        {
            c.AddInstruction(longer[i]);
            int end = (int)((i + 1L) * shorter.Count / longer.Count);
            for (int j = (int)((long)i * shorter.Count / longer.Count); j < end; j++)
            {
                c.AddInstruction(shorter[j]);
            }
        }
    }

    private int InputPitch => _tiles * Inputs * sizeof(short);

    private int ProductPitch => _tiles * 64;

    private void Begin(Assembler c, bool windows)
    {
        Enter(c, windows);
        c.mov(rbp, rdi);
        c.mov(rsi, __qword_ptr[rbp]);
        c.mov(rdx, __qword_ptr[rbp + 8]);
        c.mov(r8, __qword_ptr[rbp + 16]);
        c.mov(r9, __qword_ptr[rbp + 24]);
        c.mov(rdi, __qword_ptr[rbp + 32]);
        c.mov(r12, __qword_ptr[rbp + 40]);
        c.mov(r10, __qword_ptr[rbp + 48]);
        c.kmovq(k1, __qword_ptr[r10 + (_constants.TailOffset(1) + PanelConstants.MaskOffset)]);
    }

    private void Start(Assembler c, int at)
    {
        c.vmovdqu32(Zmm(FirstSum), __zmmword_ptr[r9 + at]);
        for (int i = 1; i < _tiles; i++)
        {
            c.vmovdqa64(Zmm(FirstSum + i), Zmm(FirstSum));
        }
    }

    private void Step(Assembler c, AssemblerRegister64 inputs, int at, int weight)
    {
        c.vmovdqu64(Weight, __zmmword_ptr[rdx + weight]);
        for (int i = 0; i < _tiles; i++)
        {
            c.vpdpwssd(Zmm(FirstSum + i), Weight, __dword_bcst[inputs + (at + (i * Inputs * sizeof(short)))]);
        }
    }

    private void Store(Assembler c, int at)
    {
        for (int i = 0; i < _tiles; i++)
        {
            c.vmovdqu32(__zmmword_ptr[r8 + (at + (64 * i))], Zmm(FirstSum + i));
        }
    }

    /// <summary>The outputs of a tile, two lines at a time, and on to the next.</summary>
    private void Tile(Assembler c)
    {
        ProductResidualCode? others = _problem.Residual is { } residual ? new(c, _constants, residual, 1, _full) : null;
        c.mov(rcx, __qword_ptr[r12]);
        c.mov(r13, __qword_ptr[r12 + 8]);
        c.add(rcx, __qword_ptr[rbp + ChannelOffset]);
        if (others is not null)
        {
            c.mov(rax, __qword_ptr[r12 + 16]);
            c.mov(r14, __qword_ptr[r12 + 24]);
            c.add(rax, __qword_ptr[rbp + ChannelOffset]);
        }

        for (int column = 0; column < Side; column++)
        {
            Even(c, column);
        }

        Line(c, 0, others);
        Ahead(c, others);
        Line(c, 1, others);
        c.sub(rcx, r13);
        if (others is not null)
        {
            c.sub(rax, r14);
        }

        for (int column = 0; column < Side; column++)
        {
            Odd(c, column);
        }

        Line(c, 0, others);
        Ahead(c, others);
        Line(c, 1, others);
        c.add(rdi, 64);
        c.add(r12, 32);
    }

    private static void Ahead(Assembler c, ProductResidualCode? others)
    {
        c.lea(rcx, __[rcx + (r13 * 2)]);
        if (others is not null)
        {
            c.lea(rax, __[rax + (r14 * 2)]);
        }
    }

    private AssemblerMemoryOperand Place(int line, int column) => __zmmword_ptr[rdi + (((line * Side) + column) * ProductPitch)];

    private static AssemblerRegisterZMM Half(int line, int column) => Zmm(FirstHalf + (line * Side) + column);

    /// <summary>The first and third line of A' times a column of places.</summary>
    private void Even(Assembler c, int column)
    {
        (AssemblerRegisterZMM first, AssemblerRegisterZMM third) = (Half(0, column), Half(1, column));
        c.vmovdqu32(zmm0, Place(1, column));
        c.vmovdqu32(third, Place(3, column));
        c.vpaddd(zmm0, zmm0, Place(2, column));
        c.vpaddd(third, third, Place(4, column));
        c.vpaddd(first, zmm0, Place(0, column));
        c.vpaddd(first, first, third);
        c.vpslld(third, third, 2);
        c.vpaddd(third, third, zmm0);
    }

    /// <summary>The second and fourth.</summary>
    private void Odd(Assembler c, int column)
    {
        (AssemblerRegisterZMM second, AssemblerRegisterZMM fourth) = (Half(0, column), Half(1, column));
        c.vmovdqu32(zmm0, Place(1, column));
        c.vmovdqu32(fourth, Place(3, column));
        c.vpsubd(zmm0, zmm0, Place(2, column));
        c.vpsubd(fourth, fourth, Place(4, column));
        c.vpaddd(second, fourth, fourth);
        c.vpslld(fourth, fourth, 2);
        c.vpaddd(second, second, zmm0);
        c.vpaddd(fourth, fourth, Place(5, column));
        c.vpaddd(fourth, fourth, fourth);
        c.vpaddd(fourth, fourth, zmm0);
    }

    /// <summary>A line of outputs: half of the way there, times A.</summary>
    private void Line(Assembler c, int line, ProductResidualCode? others)
    {
        (AssemblerRegisterZMM even, AssemblerRegisterZMM odd) = (zmm28, zmm29);
        c.vpaddd(even, Half(line, 1), Half(line, 2));
        c.vpsubd(odd, Half(line, 1), Half(line, 2));
        c.vpaddd(zmm2, Half(line, 3), Half(line, 4));
        c.vpsubd(zmm3, Half(line, 3), Half(line, 4));
        c.vpaddd(zmm0, even, Half(line, 0));
        c.vpaddd(zmm1, zmm3, zmm3);
        c.vpslld(zmm3, zmm3, 2);
        c.vpaddd(zmm0, zmm0, zmm2);
        c.vpslld(zmm2, zmm2, 2);
        c.vpaddd(zmm3, zmm3, Half(line, 5));
        c.vpaddd(zmm1, zmm1, odd);
        c.vpaddd(zmm2, zmm2, even);
        c.vpaddd(zmm3, zmm3, zmm3);
        c.vpaddd(zmm3, zmm3, odd);
        for (int i = 0; i < Outputs; i++)
        {
            c.vpmulld(Zmm(i), Zmm(i), __dword_bcst[rbp + InverseOffset]);
        }

        new ProductBytes(c, _constants, others, 1, Outputs, _problem.Outputs, _full).Emit();
    }
}
