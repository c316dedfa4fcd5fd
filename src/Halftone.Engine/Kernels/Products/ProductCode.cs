using System.Collections.Immutable;
using Iced.Intel;
using static Halftone.Engine.Memory.KernelCode;
using static Iced.Intel.AssemblerRegisters;

namespace Halftone.Engine.Kernels.Products;

/// <summary>
/// Assembles the AVX-512 VNNI product kernel: lines of tiles. A tile is some rows times 16 * vectors channels, its sums in registers from the first segment to the epilogue.
/// </summary>
/// <remarks>
/// A step takes 4 bytes of every row, broadcast, times 4 weights of every channel: vpdpbusd. Where row i of a tile lies is part of the instruction,
/// so one pointer serves all rows. For outputs of bytes, channels are dealt to lanes so that packing within 128-bit lanes leaves them in order
/// (<see cref="PanelConstants.Channel"/>): rows of 64 channels are stored as they come, narrower ones after one permutation of two or four rows.
/// </remarks>
internal sealed class ProductCode
{
    /// <summary>Registers for sums.</summary>
    private const int Sums = 28;

    private const int Unroll = 4;
    private const int OthersTileOffset = 96; // in ProductCall

    private readonly Assembler _code = new(64);
    private readonly int _vectors;
    private readonly ProductProblem _problem;
    private readonly PackedProduct _packed;
    private readonly int _lanes; // of the last vector

    private int _rows; // of the tile that is being emitted
    private int _step; // of the segment, where the phase that is being emitted begins

    private ProductCode(ProductProblem problem, PackedProduct packed, int panel)
    {
        (_problem, _packed) = (problem, packed);
        _vectors = packed.Constants.Vectors(panel);
        _lanes = packed.Constants.ChannelsOf(panel) - (16 * (_vectors - 1));
    }

    /// <summary>How many rows fit a tile.</summary>
    public static int MostRows(int vectors) => vectors switch { 4 => 7, 3 => 9, 2 => 14, _ => 24 };

    /// <summary>Assembles the kernel of a panel.</summary>
    /// <param name="problem">The problem.</param>
    /// <param name="packed">Its packed weights.</param>
    /// <param name="panel">One of the panels; panels of as many channels share a kernel.</param>
    /// <param name="tiles">The tiles of a line, in order.</param>
    /// <param name="windows">Whether for the calling convention of Windows.</param>
    public static Assembler Assemble(ProductProblem problem, PackedProduct packed, int panel, IReadOnlyList<ProductTile> tiles, bool windows)
    {
        var code = new ProductCode(problem, packed, panel);
        code.Emit(tiles, windows);
        return code._code;
    }

    private void Emit(IReadOnlyList<ProductTile> tiles, bool windows)
    {
        Assembler c = _code;
        Enter(c, windows);
        c.mov(rbp, rdi);
        c.mov(r14, __qword_ptr[rbp]);
        c.mov(rdx, __qword_ptr[rbp + 8]);
        c.mov(r15, __qword_ptr[rbp + 16]);
        c.mov(r9, __qword_ptr[rbp + 32]);
        c.mov(r10, __qword_ptr[rbp + 40]);
        c.mov(r12, __qword_ptr[rbp + 48]);
        c.mov(r13, __qword_ptr[rbp + 56]);
        LoadMasks();
        Label line = c.CreateLabel();
        c.Label(ref line);
        c.mov(rsi, r14);
        c.mov(rcx, r15);
        if (_problem.Residual is not null)
        {
            c.mov(rax, __qword_ptr[rbp + 80]);
            c.mov(__qword_ptr[rbp + OthersTileOffset], rax);
        }

        foreach (ProductTile tile in tiles)
        {
            Tiles(tile);
        }

        c.add(r14, __qword_ptr[rbp + 64]);
        c.add(r15, __qword_ptr[rbp + 72]);
        if (_problem.Residual is not null)
        {
            c.mov(rax, __qword_ptr[rbp + 88]);
            c.add(__qword_ptr[rbp + 80], rax);
        }

        c.dec(__qword_ptr[rbp + 24]);
        c.jnz(line);
        Leave(c, windows);
    }

    private void Tiles(ProductTile tiles)
    {
        Assembler c = _code;
        _rows = tiles.Rows;
        ArgumentOutOfRangeException.ThrowIfGreaterThan(_rows * _vectors, Sums, nameof(tiles));
        Label tile = c.CreateLabel();
        if (tiles.Repeat > 1)
        {
            c.mov(r8d, tiles.Repeat);
            c.Label(ref tile);
        }

        Begin();
        c.mov(rdi, rdx);
        c.xor(ebx, ebx);
        Label segment = c.CreateLabel();
        c.Label(ref segment);
        c.movsxd(rax, __dword_ptr[r12 + (rbx * 4)]);
        c.add(rax, rsi);
        _step = 0;
        foreach (ProductPhase phase in tiles.Phases.IsEmpty ? [new ProductPhase(_packed.Steps, [.. Enumerable.Repeat(true, _rows)])] : tiles.Phases)
        {
            Phase(phase);
        }

        if (_step % _packed.StepsTogether > 0)
        {
            c.add(rdi, StepBytes); // the segment ends within the bytes of a group of steps
        }

        if (_problem.SegmentOffsets.Length > 1)
        {
            c.inc(rbx);
            c.cmp(rbx, r13);
            c.jne(segment);
        }

        Finish();
        c.add(rsi, _rows * _problem.RowStride);
        c.add(rcx, _rows * _problem.OutputStride);
        if (_problem.Residual is { } residual)
        {
            c.add(__qword_ptr[rbp + OthersTileOffset], _rows * residual.RowStride);
        }

        if (tiles.Repeat > 1)
        {
            c.dec(r8d);
            c.jnz(tile);
        }
    }

    private int StepBytes => 64 * _vectors;

    private bool IsPacked => _packed.WeightBits < 8;

    private AssemblerRegisterZMM Sum(int row, int vector) => Zmm((row * _vectors) + vector);

    /// <summary>Sums begin with the bias; those of packed weights, which are raised to the top of their bytes, get it at the end.</summary>
    private void Begin()
    {
        for (int j = 0; j < _vectors; j++)
        {
            if (IsPacked)
            {
                _code.vpxord(Zmm(j), Zmm(j), Zmm(j));
            }
            else
            {
                _code.vmovdqu32(Zmm(j), __zmmword_ptr[r9 + (64 * j)]);
            }

            for (int i = 1; i < _rows; i++)
            {
                _code.vmovdqa64(Sum(i, j), Zmm(j));
            }
        }
    }

    private void Phase(ProductPhase phase)
    {
        int loops = phase.Steps / Unroll;
        if (loops > 0)
        {
            Label loop = _code.CreateLabel();
            if (loops > 1)
            {
                _code.mov(r11d, loops);
                _code.Label(ref loop);
            }

            Steps(Unroll, phase.Rows);
            if (loops > 1)
            {
                _code.dec(r11d);
                _code.jnz(loop);
            }
        }

        Steps(phase.Steps % Unroll, phase.Rows);
        _step += phase.Steps;
    }

    /// <summary>Some steps, and on to the next. As many as <see cref="Unroll"/> end at the same place of their group of steps as they began.</summary>
    private void Steps(int count, ImmutableArray<bool> rows)
    {
        int first = _step % _packed.StepsTogether; // loops are of whole groups: Unroll is a multiple of them
        for (int u = 0; u < count; u++)
        {
            Step(u, first + u, rows);
        }

        int groups = (first + count) / _packed.StepsTogether;
        if (groups > 0)
        {
            _code.add(rdi, groups * StepBytes);
        }

        if (count > 0)
        {
            _code.add(rax, 4 * count);
        }
    }

    /// <summary>One group of 4 bytes of every row, times all channels; weights two vectors at a time where registers are short.</summary>
    /// <param name="step">The group, from where the rows' pointer is.</param>
    /// <param name="weights">The step, from the group of steps where the weights' pointer is.</param>
    /// <param name="rows">Rows that take part.</param>
    private void Step(int step, int weights, ImmutableArray<bool> rows)
    {
        Assembler c = _code;
        int used = _rows * _vectors;
        int held = Math.Min(_vectors, 32 - used - 1 >= _vectors ? _vectors : 2);
        int firstBroadcast = used + held;
        int broadcasts = 32 - firstBroadcast;
        int turn = 0;
        for (int from = 0; from < _vectors; from += held)
        {
            int count = Math.Min(held, _vectors - from);
            for (int j = 0; j < count; j++)
            {
                LoadWeights(Zmm(used + j), weights, from + j);
            }

            for (int i = 0; i < _rows; i++)
            {
                if (!rows[i])
                {
                    continue;
                }

                AssemblerRegisterZMM a = Zmm(firstBroadcast + (turn++ % broadcasts));
                c.vpbroadcastd(a, __dword_ptr[rax + ((i * _problem.RowStride) + (4 * step))]);
                for (int j = 0; j < count; j++)
                {
                    c.vpdpbusd(Sum(i, from + j), a, Zmm(used + j));
                }
            }
        }
    }

    /// <summary>Weights of a step; packed ones as the highest bits of bytes, so that they need no sign of their own.</summary>
    private void LoadWeights(AssemblerRegisterZMM to, int step, int vector)
    {
        (int group, int place) = Math.DivRem(step, _packed.StepsTogether);
        AssemblerMemoryOperand from = __zmmword_ptr[rdi + ((group * StepBytes) + (64 * vector))];
        int raise = 8 - ((place + 1) * _packed.WeightBits);
        if (raise > 0)
        {
            _code.vpsllw(to, from, (byte)raise);
        }
        else
        {
            _code.vmovdqu64(to, from);
        }

        if (IsPacked)
        {
            _code.vpandd(to, to, __dword_bcst[r10 + (_packed.Constants.TailOffset(_vectors) + PanelConstants.WeightMaskOffset)]);
        }
    }

    private void LoadMasks()
    {
        if (_problem.Epilogue.ElementBytes == 1)
        {
            _code.kmovq(k1, __qword_ptr[r10 + _packed.Constants.TailOffset(_vectors) + PanelConstants.MaskOffset]);
        }
        else if (_lanes < 16)
        {
            _code.mov(eax, (1 << _lanes) - 1);
            _code.kmovw(k2, eax);
        }
    }

    private void Finish()
    {
        for (int at = 0; IsPacked && at < _rows * _vectors; at++)
        {
            _code.vpsrad(Zmm(at), Zmm(at), (byte)(8 - _packed.WeightBits));
            _code.vpaddd(Zmm(at), Zmm(at), __zmmword_ptr[r9 + (64 * (at % _vectors))]);
        }

        switch (_problem.Epilogue)
        {
            case StoreSums:
                Words((_, _) => { });
                break;
            case ToFloat:
                Words((i, j) =>
                {
                    _code.vcvtdq2ps(Sum(i, j), Sum(i, j));
                    _code.vmovups(zmm31, __zmmword_ptr[r10 + (64 * j)]);
                    _code.vfmadd213ps(Sum(i, j), zmm31, __zmmword_ptr[r10 + (64 * (_vectors + j))]);
                });
                break;
            default:
                bool full = _lanes == 16;
                if (_problem.Residual is not null)
                {
                    _code.mov(rax, __qword_ptr[rbp + OthersTileOffset]);
                }

                ProductResidualCode? others = _problem.Residual is { } residual ? new(_code, _packed.Constants, residual, _vectors, full) : null;
                new ProductBytes(_code, _packed.Constants, others, _vectors, _rows, _problem.OutputStride, full).Emit();
                break;
        }
    }

    /// <summary>Stores 32-bit outputs, after something was done to each.</summary>
    private void Words(Action<int, int> convert)
    {
        for (int i = 0; i < _rows; i++)
        {
            for (int j = 0; j < _vectors; j++)
            {
                convert(i, j);
                AssemblerMemoryOperand to = __zmmword_ptr[rcx + ((i * _problem.OutputStride) + (64 * j))];
                if (j == _vectors - 1 && _lanes < 16)
                {
                    _code.vmovdqu32(to.k2, Sum(i, j));
                }
                else
                {
                    _code.vmovdqu32(to, Sum(i, j));
                }
            }
        }
    }
}
