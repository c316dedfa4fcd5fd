using Iced.Intel;
using static Halftone.Engine.Memory.KernelCode;
using static Iced.Intel.AssemblerRegisters;

namespace Halftone.Engine.Kernels.Depthwise;

/// <summary>The end of a depthwise kernel: sums to floats, scaled, rounded, packed, stored.</summary>
internal sealed class DepthwiseBytes(Assembler code, DepthwiseProblem problem, DepthwiseBlock block, bool mayOverflow)
{
    private const int HeldScales = 8; // beyond stride 1, where sums leave 4 registers free
    private const int Other = 30; // free where sums are finished
    private const int ZeroPoint = 31;

    private readonly LaneCode _lanes = new(code, block.Bytes);

    private FloatRequantize Epilogue => (FloatRequantize)problem.Epilogue;

    /// <summary>Loads what all outputs share.</summary>
    public void Begin()
    {
        for (int j = 0; j < 4 && block.Stride > 1; j++)
        {
            _lanes.Load(HeldScales + j, __[r9 + (DepthwiseCode.Scales + (64 * j))]);
        }

        code.vpbroadcastw(Zmm(ZeroPoint), __word_ptr[r9 + DepthwiseCode.Tail]);
    }

    /// <summary>Emits it for a set of sums, and goes on to the next outputs.</summary>
    public void Emit(int set)
    {
        int first = 4 * set;
        for (int j = first; j < first + 4; j++)
        {
            _lanes.ToFloats(j);
            if (block.Stride > 1)
            {
                _lanes.Multiply(j, HeldScales + j - first);
            }
            else
            {
                _lanes.Multiply(j, __[r9 + (DepthwiseCode.Scales + (64 * (j - first)))]);
            }

            if (mayOverflow)
            {
                code.vbroadcastss(Zmm(Other), __dword_ptr[r9 + (DepthwiseCode.Tail + 8)]);
                _lanes.Minimum(j, Other, j); // what is not a number stays so, and ends as the least code
            }

            _lanes.ToIntegers(j);
        }

        _lanes.PackToWords(first, first, first + 1);
        _lanes.PackToWords(first + 2, first + 2, first + 3);
        if (Epilogue.ZeroPoint != 0)
        {
            _lanes.AddWords(first, first, ZeroPoint);
            _lanes.AddWords(first + 2, first + 2, ZeroPoint);
        }

        _lanes.PackToBytes(first, first, first + 2);
        if (Epilogue.Least > 0)
        {
            code.vpbroadcastb(Zmm(Other), __byte_ptr[r9 + (DepthwiseCode.Tail + 4)]);
            _lanes.LargerBytes(first, first, Other);
        }

        if (Epilogue.Most < 255)
        {
            code.vpbroadcastb(Zmm(Other), __byte_ptr[r9 + (DepthwiseCode.Tail + 5)]);
            _lanes.SmallerBytes(first, first, Other);
        }

        Write(first);
    }

    private void Write(int register)
    {
        bool together = block.AreTwoPixels && 2 * problem.OutputStride == block.Bytes && 2 * block.Channels == block.Bytes;
        if (!block.AreTwoPixels || together)
        {
            _lanes.Store(Masked(__[rcx], together || block.Channels == block.Bytes), register);
        }
        else
        {
            bool full = 2 * block.Channels == block.Bytes;
            _lanes.ExtractHalf(Other, register);
            _lanes.StoreHalf(Masked(__[rcx], full), register);
            _lanes.StoreHalf(Masked(__[rcx + problem.OutputStride], full), Other);
        }

        code.add(rcx, block.AreTwoPixels ? 2 * problem.OutputStride : problem.OutputStride);
    }

    private static AssemblerMemoryOperand Masked(AssemblerMemoryOperand to, bool full) => full ? to : to.k1;
}
