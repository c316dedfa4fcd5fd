using Iced.Intel;
using static Halftone.Engine.Memory.KernelCode;
using static Iced.Intel.AssemblerRegisters;

namespace Halftone.Engine.Kernels.Products;

/// <summary>The part of a product kernel's end that adds a residual: the product's codes stay floats in their registers, the other codes are brought to the same lanes.</summary>
/// <remarks>
/// Codes of a row come as dwords of four channels; once they lie in the 128-bit lanes that <see cref="PanelConstants.Channel"/> gives them, one byte shuffle a vector makes each a 32-bit integer.
/// The first row's other codes are where rax points; what is past a row's channels is not read.
/// </remarks>
/// <param name="code">Where it is emitted.</param>
/// <param name="packed">Constants of the channels.</param>
/// <param name="residual">The residual.</param>
/// <param name="vectors">Vectors of a row.</param>
/// <param name="full">Whether the last of them has 16 channels.</param>
internal sealed class ProductResidualCode(Assembler code, PanelConstants packed, ProductResidual residual, int vectors, bool full)
{
    private const int Row = 29; // the row's other codes
    private const int Others = 30; // those of a vector, as floats
    private const int Constant = 31;
    private const int Order = 27; // left by the sums of three vectors

    private int Constants => packed.TailOffset(vectors);

    /// <summary>Loads what all rows share.</summary>
    public void Begin()
    {
        code.vbroadcastss(Zmm(Constant), __dword_ptr[r10 + (Constants + PanelConstants.ResidualOffset + 20)]);
        if (vectors == 3)
        {
            code.vmovdqu32(Zmm(Order), __zmmword_ptr[r10 + (Constants + PanelConstants.SpreadOffset + 192)]);
        }
    }

    /// <summary>Loads the other codes of a row.</summary>
    public void Load(int row)
    {
        AssemblerRegisterZMM bytes = Zmm(Row);
        int at = row * residual.RowStride;
        switch (vectors)
        {
            case 4 when full:
                code.vmovdqu8(bytes, __zmmword_ptr[rax + at]);
                break;
            case 3 or 4:
                code.vmovdqu8(bytes.k1.z, __zmmword_ptr[rax + at]);
                break;
            case 2:
                code.vmovdqu8(Ymm(Row).k1.z, __ymmword_ptr[rax + at]);
                break;
            default:
                code.vmovdqu8(Xmm(Row).k1.z, __xmmword_ptr[rax + at]);
                break;
        }

        if (vectors == 3)
        {
            code.vpermd(bytes, Zmm(Order), bytes);
        }
        else if (vectors == 2)
        {
            code.vpmovzxdq(bytes, Ymm(Row));
        }
    }

    /// <summary>Makes scaled sums codes, adds the others, and rounds to 32-bit integers that packing saturates.</summary>
    /// <param name="x">Scaled sums of the row that was loaded.</param>
    /// <param name="vector">Which of its vectors.</param>
    public void Add(AssemblerRegisterZMM x, int vector)
    {
        code.vrndscaleps(x, x, 0);
        if (packed.ZeroPoint != packed.Raised)
        {
            code.vaddps(x, x, Float(0));
        }

        // what is not a number becomes the least code
        code.vmaxps(x, x, Float(1));
        code.vminps(x, x, Float(2));
        AssemblerRegisterZMM others = Zmm(Others);
        if (vectors == 1)
        {
            code.vpmovzxbd(others, Xmm(Row));
        }
        else
        {
            code.vpshufb(others, Zmm(Row), __zmmword_ptr[r10 + (Constants + PanelConstants.SpreadOffset + (64 * vector))]);
        }

        code.vcvtdq2ps(others, others);
        if (packed.Raised != 0)
        {
            code.vsubps(others, others, Float(8));
        }

        if (residual.ProductFirst)
        {
            code.vfmadd132ps(others, Zmm(Constant), Float(4));
            code.vfmadd132ps(x, others, Float(3));
        }
        else
        {
            code.vfmadd132ps(x, Zmm(Constant), Float(4));
            code.vfmadd231ps(x, others, Float(3));
        }

        if (packed.MayOverflow)
        {
            code.vmaxps(x, x, Float(6));
            code.vminps(x, x, Float(7));
        }

        code.vcvtps2dq(x, x);
    }

    /// <summary>Raises packed words, where codes are raised.</summary>
    public void Raise(AssemblerRegisterZMM low, AssemblerRegisterZMM high)
    {
        if (packed.Raised == 0)
        {
            return;
        }

        code.vpbroadcastw(Zmm(Others), __word_ptr[r10 + Constants]);
        code.vpaddsw(low, low, Zmm(Others));
        if (high != low)
        {
            code.vpaddsw(high, high, Zmm(Others));
        }
    }

    private AssemblerMemoryOperand Float(int index) => __dword_bcst[r10 + (Constants + PanelConstants.ResidualOffset + (4 * index))];
}
