using System.Runtime.InteropServices;
using Halftone.Engine.Memory;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Halftone.Engine.Kernels.LowBit;

/// <summary>Assembles the product of a tile of rows by panels of 16 channels in 512-bit vectors. The code takes a <see cref="LowBitTile"/>, and depends on the layout, not on K and N.</summary>
/// <remarks>
/// The codes of a step are loaded once, and masked and shifted once for all rows of the tile; activations are broadcast from memory by vpdpbusd itself.
/// rdi: the tile; rax: weights; rdx: zero points; rcx: activations; r11: blocks left; r8: turns of the steps' loop left; r9: output; r10: its stride; k1: channels to write.
/// </remarks>
internal sealed class LowBitCode
{
    /// <summary>The most rows of a tile.</summary>
    public const int MaxRows = 8;

    private const int UnrolledSteps = 16;
    private const int StepsOfTurn = 8;
    private static readonly AssemblerRegisterZMM s_mask = zmm16;
    private static readonly AssemblerRegisterZMM s_words = zmm17;
    private static readonly AssemblerRegisterZMM s_codes = zmm18;
    private static readonly AssemblerRegisterZMM s_shared = zmm19;

    private readonly Assembler _code = new(64);
    private readonly LowBitCodeKey _key;
    private readonly int _padded;
    private readonly int _sums;

    private LowBitCode(LowBitCodeKey key)
    {
        _key = key;
        _padded = key.Steps * key.StepElements;

        // chains of vpdpbusd, enough to hide its latency
        _sums = key.Rows switch { 1 => 4, <= 3 => 2, _ => 1 };
    }

    /// <summary>Assembles.</summary>
    /// <returns>The code, or null where the system grants no executable memory.</returns>
    public static ExecutableMemory? Assemble(LowBitCodeKey key)
    {
        var code = new LowBitCode(key);
        code.Panels(OperatingSystem.IsWindows());
        return ExecutableMemory.Assemble(code._code);
    }

    private static AssemblerMemoryOperand Field(string name) => __qword_ptr[rdi + (int)Marshal.OffsetOf<LowBitTile>(name)];

    private AssemblerRegisterZMM Sum(int row, int chain = 0) => KernelCode.Zmm((row * _sums) + chain);

    private static AssemblerRegisterZMM Y(int row) => KernelCode.Zmm(MaxRows + row);

    private void Panels(bool windows)
    {
        KernelCode.Enter(_code, windows);
        _code.mov(rax, Field(nameof(LowBitTile.Weights)));
        _code.mov(rdx, Field(nameof(LowBitTile.Zeros)));
        _code.mov(r10, Field(nameof(LowBitTile.OutputStride)));
        _code.mov(r8, Field(nameof(LowBitTile.Mask)));
        _code.kmovd(k1, r8d);
        _code.mov(r8d, 0x01010101 * ((1 << _key.CodeBits) - 1));
        _code.vpbroadcastd(s_mask, r8d);
        Label panel = _code.CreateLabel();
        _code.Label(ref panel);
        Panel();
        _code.dec(Field(nameof(LowBitTile.Panels)));
        _code.jnz(panel);
        KernelCode.Leave(_code, windows);
    }

    private void Panel()
    {
        _code.mov(rcx, Field(nameof(LowBitTile.Activations)));
        _code.mov(r11, Field(nameof(LowBitTile.Blocks)));
        _code.mov(r9, Field(nameof(LowBitTile.Bias)));
        for (int row = 0; row < _key.Rows; row++)
        {
            _code.vmovups(Y(row), __zmmword_ptr[r9]);
        }

        Label block = _code.CreateLabel();
        _code.Label(ref block);
        Block();
        _code.dec(r11);
        _code.jnz(block);

        _code.mov(r9, Field(nameof(LowBitTile.Output)));
        for (int row = 0; row < _key.Rows; row++)
        {
            _code.vmovups(__zmmword_ptr[r9].k1, Y(row));
            _code.add(r9, r10);
        }

        _code.add(Field(nameof(LowBitTile.Bias)), LowBitPanels.Width * sizeof(float));
        _code.add(Field(nameof(LowBitTile.Output)), LowBitPanels.Width * sizeof(float));
    }

    private void Block()
    {
        int scales = _key.Rows * _padded;
        Start(scales + (_key.Rows * sizeof(float)));
        int turns = _key.Steps <= UnrolledSteps ? 0 : _key.Steps / StepsOfTurn;
        if (turns > 0)
        {
            _code.mov(r8d, turns);
            Label turn = _code.CreateLabel();
            _code.Label(ref turn);
            Steps(StepsOfTurn);
            _code.add(rax, StepsOfTurn * LowBitPanels.StepBytes);
            _code.add(rcx, StepsOfTurn * _key.StepElements);
            _code.dec(r8d);
            _code.jnz(turn);
        }

        int rest = _key.Steps - (turns * StepsOfTurn);
        Steps(rest);
        int read = turns * StepsOfTurn * _key.StepElements;
        Finish(rest * LowBitPanels.StepBytes, scales - read);
        _code.add(rax, (rest * LowBitPanels.StepBytes) + (LowBitPanels.Width * sizeof(float)));
        _code.add(rcx, (_key.Rows * (_padded + sizeof(float) + sizeof(int))) - read);
    }

    /// <summary>Sums start at minus zero point times sum of q.</summary>
    private void Start(int starts)
    {
        if (_key.HasZeros)
        {
            _code.vpmovzxbd(s_shared, __xmmword_ptr[rdx]);
            _code.add(rdx, LowBitPanels.Width);
        }

        for (int row = 0; row < _key.Rows; row++)
        {
            int at = starts + (row * sizeof(int));
            if (_key.HasZeros)
            {
                _code.vpmulld(Sum(row), s_shared, __dword_bcst[rcx + at]);
            }
            else
            {
                _code.vpbroadcastd(Sum(row), __dword_ptr[rcx + at]);
            }

            for (int chain = 1; chain < _sums; chain++)
            {
                _code.vpxord(Sum(row, chain), Sum(row, chain), Sum(row, chain));
            }
        }
    }

    private void Steps(int count)
    {
        int fields = 8 / _key.CodeBits;
        for (int i = 0; i < count * fields; i++)
        {
            int field = i % fields;
            if (field == 0)
            {
                _code.vmovdqu64(s_words, __zmmword_ptr[rax + (i / fields * LowBitPanels.StepBytes)]);
                _code.vpandd(s_codes, s_words, s_mask);
            }
            else
            {
                _code.vpsrlw(s_codes, s_words, (byte)(field * _key.CodeBits));
                _code.vpandd(s_codes, s_codes, s_mask);
            }

            for (int row = 0; row < _key.Rows; row++)
            {
                _code.vpdpbusd(Sum(row, i % _sums), s_codes, __dword_bcst[rcx + (row * _padded) + (4 * i)]);
            }
        }
    }

    private void Finish(int scales, int activationScales)
    {
        _code.vmovups(s_shared, __zmmword_ptr[rax + scales]);
        for (int row = 0; row < _key.Rows; row++)
        {
            for (int half = _sums / 2; half > 0; half /= 2)
            {
                for (int chain = 0; chain < half; chain++)
                {
                    _code.vpaddd(Sum(row, chain), Sum(row, chain), Sum(row, chain + half));
                }
            }

            _code.vcvtdq2ps(Sum(row), Sum(row));
            _code.vmulps(s_codes, s_shared, __dword_bcst[rcx + activationScales + (row * sizeof(float))]);
            _code.vfmadd231ps(Y(row), Sum(row), s_codes);
        }
    }
}

/// <summary>What assembled code depends on.</summary>
/// <param name="CodeBits">Bits of a code.</param>
/// <param name="Steps">Steps of a block.</param>
/// <param name="HasZeros">Whether there are zero points, a block of a channel.</param>
/// <param name="Rows">Rows of a tile.</param>
internal readonly record struct LowBitCodeKey(int CodeBits, int Steps, bool HasZeros, int Rows)
{
    /// <summary>Elements of a channel in a step.</summary>
    public int StepElements => 32 / CodeBits;
}
