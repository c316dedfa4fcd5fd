using Halftone.Engine.Dense.Linear;
using Halftone.Onnx;

namespace Halftone.Engine.Dense.Quantized;

/// <summary>MatMulInteger, QLinearMatMul and com.microsoft's MatMulIntegerToFloat. Sums are 32-bit integers, which wrap.</summary>
internal static unsafe class IntegerMatMul
{
    /// <summary>What this family computes.</summary>
    public static IEnumerable<(string Op, Func<DenseRequest, DensePlan> Ready)> List =>
        [("MatMulInteger", ReadyInteger), ("QLinearMatMul", ReadyQLinear), ("com.microsoft.MatMulIntegerToFloat", ReadyToFloat)];

    private static DensePlan ReadyInteger(DenseRequest request)
    {
        MatMulShape shape = Shape(request, 0, 1);
        return Plan(request, shape, (0, 2), (1, 3), ElementType.Int32, (_, outputs, _, tile, at) =>
        {
            int* y = (int*)outputs[0] + Offset(shape, at);
            for (int r = 0; r < at.Rows; r++, y += shape.Columns, tile += Product<int>.Width)
            {
                new ReadOnlySpan<int>(tile, at.Columns).CopyTo(new Span<int>(y, at.Columns));
            }
        });
    }

    private static DensePlan ReadyQLinear(DenseRequest request)
    {
        MatMulShape shape = Shape(request, 0, 3);
        ElementType scale = request.Input(1, ElementType.Float, ElementType.Float16).Element;
        int aScales = IntegerOperands.PerRow(request, 1, scale, shape);
        request.Input(4, scale); // PerColumn takes what is left out
        int bScales = IntegerOperands.PerColumn(request, 4, scale, shape);
        request.Single(6, scale);
        TensorType y = request.Codes(7);
        request.Single(7, y.Element);
        bool half = scale is ElementType.Float16;
        return Plan(request, shape, (0, 2), (3, 5), y.Element, (inputs, outputs, _, tile, at) =>
        {
            int zero = Codes.Zero(inputs, 7, y.IsSigned());
            float yScale = Scale(inputs[6], 0, half);
            byte* to = outputs[0] + Offset(shape, at);
            for (int r = 0; r < at.Rows; r++, to += shape.Columns, tile += Product<int>.Width)
            {
                int row = (shape.LeftBatch[at.Batch] * shape.MatrixRows) + at.Row + r;
                float aScale = Scale(inputs[1], aScales == 1 ? 0 : row % aScales, half);
                for (int j = 0; j < at.Columns; j++)
                {
                    float bScale = Scale(inputs[4], ColumnIndex(shape, at, j, bScales), half);
                    to[j] = Codes.Requantize(tile[j], aScale * bScale / yScale, zero, y.IsSigned());
                }
            }
        });
    }

    private static DensePlan ReadyToFloat(DenseRequest request)
    {
        MatMulShape shape = Shape(request, 0, 1);
        request.Single(2, ElementType.Float);
        request.Input(3, ElementType.Float); // PerColumn takes what is left out
        int scales = IntegerOperands.PerColumn(request, 3, ElementType.Float, shape);
        bool biased = request.Has(6) && request.Shaped(6, ElementType.Float, shape.Columns).Rank == 1;
        return Plan(request, shape, (0, 4), (1, 5), ElementType.Float, (inputs, outputs, _, tile, at) =>
        {
            float* y = (float*)outputs[0] + Offset(shape, at);
            for (int r = 0; r < at.Rows; r++, y += shape.Columns, tile += Product<int>.Width)
            {
                for (int j = 0; j < at.Columns; j++)
                {
                    float value = tile[j] * (Codes.Scale(inputs, 2) * Codes.Scale(inputs, 3, ColumnIndex(shape, at, j, scales)));
                    y[j] = biased ? value + ((float*)inputs[6])[at.Column + j] : value;
                }
            }
        });
    }

    /// <summary>Where a tile begins in the output.</summary>
    internal static long Offset(MatMulShape shape, Tile at) => ((((long)at.Batch * shape.Rows) + at.Row) * shape.Columns) + at.Column;

    /// <summary>Which of the per-column elements a column of a tile takes.</summary>
    internal static int ColumnIndex(MatMulShape shape, Tile at, int j, int count) =>
        count == 1 ? 0 : count == shape.Columns ? at.Column + j : (shape.RightBatch[at.Batch] * shape.Columns) + at.Column + j;

    private static MatMulShape Shape(DenseRequest request, int a, int b) =>
        MatMulShape.Of(request, request.Codes(a).Dims.AsSpan(), request.Codes(b).Dims.AsSpan());

    private static float Scale(byte* scales, int index, bool half) => half ? (float)((Half*)scales)[index] : ((float*)scales)[index];

    private static DensePlan Plan(DenseRequest request, MatMulShape shape, (int At, int Zero) left, (int At, int Zero) right, ElementType made, TileStore<int> store)
    {
        (TensorType a, TensorType b) = (request.Input(left.At), request.Input(right.At));
        int aZeros = IntegerOperands.PerRow(request, left.Zero, a.Element, shape);
        int bZeros = IntegerOperands.PerColumn(request, right.Zero, b.Element, shape);
        return new Product<int>
        {
            Batches = shape.Batches,
            Rows = shape.Rows,
            Columns = shape.Columns,
            Depth = shape.Depth,
            RowStride = shape.Depth,
            Prepare = IntegerOperands.Left(left.At, a, shape.Depth, IntegerOperands.Optional(request, left.Zero), aZeros),
            PreparedCount = shape.LeftCount,
            LeftInputs = request.Has(left.Zero) ? [left.At, left.Zero] : [left.At],
            Left = (_, prepared, batch) => prepared + ((long)shape.LeftBatch[batch] * shape.MatrixRows * shape.Depth),
            Fill = IntegerOperands.Right(right.At, b, shape, transposed: false, IntegerOperands.Optional(request, right.Zero), bZeros),
            RightInputs = request.Has(right.Zero) ? [right.At, right.Zero] : [right.At],
            RightBatches = shape.RightBatches,
            RightBatch = shape.RightBatch,
            Store = store,
        }.Plan(request, request.Output(made, shape.OutputDims));
    }
}
