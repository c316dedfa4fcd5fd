using Halftone.Engine.Dense.Linear;
using Halftone.Onnx;

namespace Halftone.Engine.Dense.Quantized;

/// <summary>com.microsoft's MatMulNBits: floats times weights of 2, 4 or 8 bits in blocks. Weights are unpacked sixteen columns at a time; products are of floats.</summary>
/// <remarks>Inputs: A, B [N, blocks, bytes of a block], scales [N, blocks], zero points (packed as B, or floats), g_idx (refused), bias.</remarks>
internal static unsafe class MatMulNBits
{
    /// <summary>What this family computes.</summary>
    public static IEnumerable<(string Op, Func<DenseRequest, DensePlan> Ready)> List => [("com.microsoft.MatMulNBits", Ready)];

    private sealed record Blocks(int Columns, int Depth, int Bits, int Size, bool Zeros, bool FloatZeros)
    {
        public int Count => (Depth + Size - 1) / Size;

        public int BlockBytes => Size * Bits / 8;

        public int ZeroBytes => ((Count * Bits) + 7) / 8;
    }

    private static DensePlan Ready(DenseRequest request)
    {
        Node node = request.Node;
        TensorType a = request.Floats(0);
        (long n, long k, long bits, long size) = (node.Int("N", 0), node.Int("K", 0), node.Int("bits", 4), node.Int("block_size", 0));
        request.Require(n is >= 1 and < 1 << 28 && k is >= 1 and < 1 << 28 && bits is 2 or 4 or 8, $"N {n}, K {k} and bits {bits} are not what it computes with.");
        request.Require(size is >= 16 and <= 1 << 16 && (size & (size - 1)) == 0, $"a block_size of {size} is no power of two from 16 on.");
        request.Require(!request.Has(4), "g_idx is not computed with.");
        bool floats = request.Has(3) && request.Input(3).Element is ElementType.Float;
        Blocks blocks = new((int)n, (int)k, (int)bits, (int)size, request.Has(3), floats);
        Count(request, 1, ElementType.UInt8, n * blocks.Count * blocks.BlockBytes);
        Count(request, 2, ElementType.Float, n * blocks.Count);
        if (request.Has(3))
        {
            Count(request, 3, floats ? ElementType.Float : ElementType.UInt8, n * (floats ? blocks.Count : blocks.ZeroBytes));
        }

        bool biased = request.Has(5) && request.Shaped(5, ElementType.Float, (int)n).Rank == 1;
        MatMulShape shape = MatMulShape.Of(request, a.Dims.AsSpan(), [(int)k, (int)n]);
        return new Product<float>
        {
            Batches = shape.Batches,
            Rows = shape.Rows,
            Columns = shape.Columns,
            Depth = shape.Depth,
            RowStride = shape.Depth,
            Left = (inputs, _, batch) => (float*)inputs[0] + ((long)shape.LeftBatch[batch] * shape.MatrixRows * shape.Depth),
            Fill = (inputs, panel, _, column, columns) => Fill(blocks, inputs, panel, column, columns),
            Store = (inputs, outputs, _, tile, at) =>
            {
                float* y = (float*)outputs[0] + IntegerMatMul.Offset(shape, at);
                for (int r = 0; r < at.Rows; r++, y += shape.Columns, tile += Product<float>.Width)
                {
                    for (int j = 0; j < at.Columns; j++)
                    {
                        y[j] = biased ? tile[j] + ((float*)inputs[5])[at.Column + j] : tile[j];
                    }
                }
            },
        }.Plan(request, request.Output(ElementType.Float, shape.OutputDims));
    }

    private static void Count(DenseRequest request, int input, ElementType element, long count)
    {
        TensorType type = request.Input(input, element);
        request.Require(type.Count == count, $"its input {input}, {type}, has {type.Count} elements; {count} are needed.");
    }

    private static void Fill(Blocks blocks, byte** inputs, float* panel, int column, int columns)
    {
        for (int j = 0; j < Product<float>.Width; j++)
        {
            for (int k = 0; k < blocks.Depth; k++)
            {
                panel[((long)k * Product<float>.Width) + j] = j < columns ? Weight(blocks, inputs, column + j, k) : 0;
            }
        }
    }

    private static float Weight(Blocks blocks, byte** inputs, int column, int k)
    {
        int block = k / blocks.Size;
        long at = ((long)column * blocks.Count) + block;
        int code = Unpack(inputs[1] + (at * blocks.BlockBytes), k % blocks.Size, blocks.Bits);
        float zero = !blocks.Zeros ? 1 << (blocks.Bits - 1)
            : blocks.FloatZeros ? ((float*)inputs[3])[at]
            : Unpack(inputs[3] + ((long)column * blocks.ZeroBytes), block, blocks.Bits);
        return (code - zero) * ((float*)inputs[2])[at];
    }

    /// <summary>A code, packed low bits first.</summary>
    private static int Unpack(byte* codes, int index, int bits)
    {
        int bit = index * bits;
        return (codes[bit / 8] >> (bit % 8)) & ((1 << bits) - 1);
    }
}
