using Halftone.Engine.Dense.Linear;
using Halftone.Onnx;

namespace Halftone.Engine.Dense.Quantized;

/// <summary>com.microsoft's DynamicQuantizeMatMul: floats, quantized to uint8 by their own range, times codes. Inputs: A, B, scale of B, zero point of B, bias.</summary>
internal static unsafe class DynamicQuantizeMatMul
{
    private const int Head = 16; // ints before the codes: the first holds the scale of A

    /// <summary>What this family computes.</summary>
    public static IEnumerable<(string Op, Func<DenseRequest, DensePlan> Ready)> List => [("com.microsoft.DynamicQuantizeMatMul", Ready)];

    private static DensePlan Ready(DenseRequest request)
    {
        (TensorType a, TensorType b) = (request.Floats(0), request.Codes(1));
        MatMulShape shape = MatMulShape.Of(request, a.Dims.AsSpan(), b.Dims.AsSpan());
        request.Input(2, ElementType.Float); // PerColumn takes what is left out
        int scales = IntegerOperands.PerColumn(request, 2, ElementType.Float, shape);
        request.Require(request.Has(2), "it lacks the scale of its weight.");
        int zeros = IntegerOperands.PerColumn(request, 3, b.Element, shape);
        bool biased = request.Has(4) && request.Shaped(4, ElementType.Float, shape.Columns).Rank == 1;
        return new Product<int>
        {
            Batches = shape.Batches,
            Rows = shape.Rows,
            Columns = shape.Columns,
            Depth = shape.Depth,
            RowStride = shape.Depth,
            Prepare = (inputs, prepared) => Quantize((float*)inputs[0], prepared, shape.LeftCount),
            PreparedCount = Head + (long)shape.LeftCount,
            LeftInputs = [0],
            Left = (_, prepared, batch) => prepared + Head + ((long)shape.LeftBatch[batch] * shape.MatrixRows * shape.Depth),
            Fill = IntegerOperands.Right(1, b, shape, transposed: false, IntegerOperands.Optional(request, 3), zeros),
            RightInputs = request.Has(3) ? [1, 3] : [1],
            RightBatches = shape.RightBatches,
            RightBatch = shape.RightBatch,
            Store = (inputs, outputs, prepared, tile, at) =>
            {
                float scale = BitConverter.Int32BitsToSingle(*prepared);
                float* y = (float*)outputs[0] + IntegerMatMul.Offset(shape, at);
                for (int r = 0; r < at.Rows; r++, y += shape.Columns, tile += Product<int>.Width)
                {
                    for (int j = 0; j < at.Columns; j++)
                    {
                        float value = tile[j] * (scale * Codes.Scale(inputs, 2, IntegerMatMul.ColumnIndex(shape, at, j, scales)));
                        y[j] = biased ? value + ((float*)inputs[4])[at.Column + j] : value;
                    }
                }
            },
        }.Plan(request, request.Output(ElementType.Float, shape.OutputDims));
    }

    private static void Quantize(float* x, int* prepared, int count)
    {
        (float scale, byte zero) = DynamicQuantizeLinear.Range(x, count);
        *prepared = BitConverter.SingleToInt32Bits(scale);
        for (int i = 0; i < count; i++)
        {
            prepared[Head + i] = Codes.Quantize(x[i], scale, zero, signed: false) - zero;
        }
    }
}
