using Halftone.Engine.Dense.Linear;
using Halftone.Onnx;

namespace Halftone.Engine.Dense.Quantized;

/// <summary>The operands of products of codes, less their zero points.</summary>
internal static unsafe class IntegerOperands
{
    /// <summary>Converts a left operand.</summary>
    /// <param name="input">The input it is.</param>
    /// <param name="type">Its type.</param>
    /// <param name="depth">Elements of a row.</param>
    /// <param name="zero">The input of its zero points, or -1.</param>
    /// <param name="zeros">How many: 1, or one for each of that many rows, over and over.</param>
    public static LeftPrepare<int> Left(int input, TensorType type, int depth, int zero, int zeros)
    {
        int count = Requirements.Product(type.Dims.AsSpan());
        bool signed = type.IsSigned();
        return (inputs, prepared) =>
        {
            for (int row = 0, i = 0; i < count; row++)
            {
                int z = Codes.Zero(inputs, zero, signed, zeros == 1 ? 0 : row % zeros);
                for (int end = i + depth; i < end; i++)
                {
                    prepared[i] = Codes.Load(inputs[input], i, signed) - z;
                }
            }
        };
    }

    /// <summary>The columns of a right operand.</summary>
    public static RightFill<int> Right(int input, TensorType type, MatMulShape shape, bool transposed, int zero, int zeros) => type.IsSigned()
        ? new MatrixColumns<int, SByteElement>(input, shape.Depth, shape.Columns, transposed, zero, zeros).Fill
        : new MatrixColumns<int, ByteElement>(input, shape.Depth, shape.Columns, transposed, zero, zeros).Fill;

    /// <summary>The neighbourhoods of an image.</summary>
    public static RightFill<int> Image(int input, TensorType type, ConvShape shape, int zero) => type.IsSigned()
        ? new Columns<int, SByteElement>(shape.Window, shape.Channels, input, zero).Fill
        : new Columns<int, ByteElement>(shape.Window, shape.Channels, input, zero).Fill;

    /// <summary>The input of a zero point, or -1 where it is left out.</summary>
    public static int Optional(DenseRequest request, int input) => request.Has(input) ? input : -1;

    /// <summary>How many elements a per-row operand of the left has: 1, one a row of a matrix, or one a row of all.</summary>
    public static int PerRow(DenseRequest request, int input, ElementType element, MatMulShape shape)
    {
        if (!request.Has(input))
        {
            return 1;
        }

        TensorType type = request.Input(input, element);
        int all = shape.LeftCount / Math.Max(shape.Depth, 1);
        request.Require(type.Count == 1 || type.Count == shape.MatrixRows || type.Count == all, $"its input {input}, {type}, has neither one element nor one a row ({shape.MatrixRows}).");
        return (int)type.Count;
    }

    /// <summary>How many elements a per-column operand of the right has: 1, one a column, or one a column of every batch.</summary>
    public static int PerColumn(DenseRequest request, int input, ElementType element, MatMulShape shape)
    {
        if (!request.Has(input))
        {
            return 1;
        }

        TensorType type = request.Input(input, element);
        bool fits = type.Count == 1 || type.Count == shape.Columns || type.Count == (long)shape.Columns * shape.RightBatches;
        request.Require(fits, $"its input {input}, {type}, has neither one element nor one a column ({shape.Columns}).");
        return (int)type.Count;
    }
}
