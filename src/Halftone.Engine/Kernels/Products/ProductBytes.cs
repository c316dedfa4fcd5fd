using Iced.Intel;
using static Halftone.Engine.Memory.KernelCode;
using static Iced.Intel.AssemblerRegisters;

namespace Halftone.Engine.Kernels.Products;

/// <summary>The end of a product kernel whose outputs are bytes: sums to floats, scaled, rounded, packed, stored.</summary>
/// <remarks>
/// vcvtps2dq rounds ties to even and gives the lowest integer for products that overflow, so where a product can (<see cref="PanelConstants.MayOverflow"/>) it is bounded before.
/// Packing saturates to 16 bits, then the zero point is added with saturation, then to bytes: the same as adding it in 32 bits and clamping, since it is within a byte.
/// A residual is added while products are floats still (<see cref="ProductResidualCode"/>), and takes care of zero points.
/// </remarks>
internal sealed class ProductBytes(Assembler code, PanelConstants packed, ProductResidualCode? residual, int vectors, int rows, int outputStride, bool full)
{
    private const int Order = 28; // registers left by the sums
    private const int Bound = 29;
    private const int Zero = 31;
    private const int Limits = 30;

    private int Constants => packed.TailOffset(vectors);

    /// <summary>Rows that are packed into one register.</summary>
    private int Together => vectors switch { 1 => 4, 2 => 2, _ => 1 };

    /// <summary>Emits it; the sums are in the first rows * vectors registers, rows of vectors.</summary>
    public void Emit()
    {
        if (residual is null && packed.ZeroPoint != 0)
        {
            code.vpbroadcastw(Zmm(Zero), __word_ptr[r10 + Constants]);
        }

        residual?.Begin();
        if (residual is null && packed.MayOverflow)
        {
            code.vbroadcastss(Zmm(Bound), __dword_ptr[r10 + (Constants + PanelConstants.BoundOffset)]);
        }

        if (vectors < 4)
        {
            code.vmovdqu32(Zmm(Order), __zmmword_ptr[r10 + (Constants + PanelConstants.OrderOffset)]);
        }

        for (int row = 0; row < rows; row += Together)
        {
            Scale(row, Math.Min(Together, rows - row));
            AssemblerRegisterZMM bytes = Pack(row, Math.Min(Together, rows - row));
            Clamp(bytes);
            Store(bytes, row);
        }
    }

    private AssemblerRegisterZMM Sum(int row, int vector) => Zmm((row * vectors) + vector);

    private void Scale(int first, int count)
    {
        for (int i = first; i < first + count; i++)
        {
            residual?.Load(i);
            for (int j = 0; j < vectors; j++)
            {
                AssemblerRegisterZMM x = Sum(i, j);
                code.vcvtdq2ps(x, x);
                code.vmulps(x, x, __zmmword_ptr[r10 + (64 * j)]);
                if (residual is not null)
                {
                    residual.Add(x, j);
                    continue;
                }

                if (packed.MayOverflow)
                {
                    code.vminps(x, Zmm(Bound), x); // what is not a number stays so, and ends as the least code
                }

                code.vcvtps2dq(x, x);
            }
        }
    }

    private AssemblerRegisterZMM Pack(int row, int count)
    {
        AssemblerRegisterZMM zero = Zmm(Zero);
        AssemblerRegisterZMM a = Sum(row, 0);
        AssemblerRegisterZMM low;
        AssemblerRegisterZMM high;
        switch (vectors)
        {
            case 4:
                (low, high) = (a, Sum(row, 2));
                code.vpackssdw(low, low, Sum(row, 1));
                code.vpackssdw(high, high, Sum(row, 3));
                break;
            case 3:
                (low, high) = (a, Sum(row, 2));
                code.vpackssdw(low, low, Sum(row, 1));
                code.vpackssdw(high, high, high);
                break;
            case 2:
                (low, high) = (a, count > 1 ? Sum(row + 1, 0) : a);
                code.vpackssdw(low, low, Sum(row, 1));
                if (count > 1)
                {
                    code.vpackssdw(high, high, Sum(row + 1, 1));
                }

                break;
            default:
                (low, high) = (a, count > 2 ? Sum(row + 2, 0) : a);
                code.vpackssdw(low, low, Sum(row + (count > 1 ? 1 : 0), 0));
                if (count > 2)
                {
                    code.vpackssdw(high, high, Sum(row + (count > 3 ? 3 : 2), 0));
                }

                break;
        }

        if (residual is null && packed.ZeroPoint != 0)
        {
            code.vpaddsw(low, low, zero);
            if (high != low)
            {
                code.vpaddsw(high, high, zero);
            }
        }

        residual?.Raise(low, high);

        code.vpackuswb(low, low, high);
        if (vectors is 1 or 3)
        {
            code.vpermd(low, Zmm(Order), low);
        }
        else if (vectors == 2)
        {
            code.vpermq(low, Zmm(Order), low);
        }

        return low;
    }

    private void Clamp(AssemblerRegisterZMM bytes)
    {
        if (packed.Least > 0)
        {
            code.vpbroadcastb(Zmm(Limits), __byte_ptr[r10 + (Constants + PanelConstants.LeastOffset)]);
            code.vpmaxub(bytes, bytes, Zmm(Limits));
        }

        if (packed.Most < 255)
        {
            code.vpbroadcastb(Zmm(Limits), __byte_ptr[r10 + (Constants + PanelConstants.MostOffset)]);
            code.vpminub(bytes, bytes, Zmm(Limits));
        }
    }

    private void Store(AssemblerRegisterZMM bytes, int row)
    {
        int at = row * outputStride;
        int register = bytes.Value - zmm0.Value;
        if (full && vectors != 3 && rows - row >= Together && Together * outputStride == 64)
        {
            code.vmovdqu8(__zmmword_ptr[rcx + at], bytes); // rows follow each other
            return;
        }

        switch (vectors)
        {
            case 4:
                Put(__zmmword_ptr[rcx + at], bytes);
                break;
            case 3 when full:
                code.vmovdqu8(__ymmword_ptr[rcx + at], Ymm(register));
                code.vextracti32x4(__xmmword_ptr[rcx + (at + 32)], bytes, 2);
                break;
            case 3:
                Put(__zmmword_ptr[rcx + at], bytes);
                break;
            case 2:
                PutHalf(__ymmword_ptr[rcx + at], register);
                if (row + 1 < rows)
                {
                    code.vextracti64x4(Ymm(Limits), bytes, 1);
                    PutHalf(__ymmword_ptr[rcx + (at + outputStride)], Limits);
                }

                break;
            default:
                PutQuarter(__xmmword_ptr[rcx + at], register);
                for (int i = 1; i < Math.Min(4, rows - row); i++)
                {
                    code.vextracti32x4(Xmm(Limits), bytes, (byte)i);
                    PutQuarter(__xmmword_ptr[rcx + (at + (i * outputStride))], Limits);
                }

                break;
        }
    }

    private void Put(AssemblerMemoryOperand to, AssemblerRegisterZMM bytes)
    {
        if (full && vectors == 4)
        {
            code.vmovdqu8(to, bytes);
        }
        else
        {
            code.vmovdqu8(to.k1, bytes);
        }
    }

    private void PutHalf(AssemblerMemoryOperand to, int register)
    {
        if (full)
        {
            code.vmovdqu8(to, Ymm(register));
        }
        else
        {
            code.vmovdqu8(to.k1, Ymm(register));
        }
    }

    private void PutQuarter(AssemblerMemoryOperand to, int register)
    {
        if (full)
        {
            code.vmovdqu8(to, Xmm(register));
        }
        else
        {
            code.vmovdqu8(to.k1, Xmm(register));
        }
    }
}
