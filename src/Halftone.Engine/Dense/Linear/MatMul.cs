using System.Runtime.Intrinsics;
using Halftone.Onnx;

namespace Halftone.Engine.Dense.Linear;

/// <summary>MatMul, and com.microsoft's FusedMatMul, of floats.</summary>
internal static unsafe class MatMul
{
    /// <summary>What this family computes.</summary>
    public static IEnumerable<(string Op, Func<DenseRequest, DensePlan> Ready)> List => [("MatMul", Ready), ("com.microsoft.FusedMatMul", ReadyFused)];

    private static DensePlan Ready(DenseRequest request) => Plan(request, transposedA: false, transposedB: false, 1);

    private static DensePlan ReadyFused(DenseRequest request)
    {
        Node node = request.Node;
        request.Require(node.Int("transBatchA", 0) == 0 && node.Int("transBatchB", 0) == 0, "transposed batches are not computed.");

        // an operand of one axis stays as it is, as in ONNX Runtime
        bool a = node.Int("transA", 0) != 0 && request.Floats(0).Rank > 1;
        bool b = node.Int("transB", 0) != 0 && request.Floats(1).Rank > 1;
        return Plan(request, a, b, node.Float("alpha", 1));
    }

    private static DensePlan Plan(DenseRequest request, bool transposedA, bool transposedB, float alpha)
    {
        MatMulShape shape = MatMulShape.Of(request, request.Floats(0).Dims.AsSpan(), request.Floats(1).Dims.AsSpan(), transposedA, transposedB);
        int matrix = transposedA ? shape.Rows * shape.Depth : shape.MatrixRows * shape.Depth;
        return new Product<float>
        {
            Batches = shape.Batches,
            Rows = shape.Rows,
            Columns = shape.Columns,
            Depth = shape.Depth,
            RowStride = transposedA ? 1 : shape.Depth,
            DepthStride = transposedA ? shape.Rows : 1,
            Left = (inputs, _, batch) => (float*)inputs[0] + ((long)shape.LeftBatch[batch] * matrix),
            Fill = new MatrixColumns<float, FloatElement>(1, shape.Depth, shape.Columns, transposedB).Fill,
            RightInputs = [1],
            RightBatches = shape.RightBatches,
            RightBatch = shape.RightBatch,
            Store = (_, outputs, _, tile, at) =>
            {
                float* y = (float*)outputs[0] + ((((long)at.Batch * shape.Rows) + at.Row) * shape.Columns) + at.Column;
                for (int r = 0; r < at.Rows; r++, y += shape.Columns, tile += Product<float>.Width)
                {
                    Scale(tile, alpha, y, at.Columns);
                }
            },
        }.Plan(request, request.Output(ElementType.Float, shape.OutputDims));
    }

    private static void Scale(float* tile, float alpha, float* y, int columns)
    {
        if (columns == Product<float>.Width)
        {
            (Vector256.Load(tile) * alpha).Store(y);
            (Vector256.Load(tile + 8) * alpha).Store(y + 8);
            return;
        }

        for (int j = 0; j < columns; j++)
        {
            y[j] = tile[j] * alpha;
        }
    }
}
