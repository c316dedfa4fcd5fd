using Halftone.Onnx;

namespace Halftone.Engine.Dense.Linear;

/// <summary>Lengths of Gemm, and how its third operand is broadcast.</summary>
internal sealed record GemmShape(int Rows, int Columns, int Depth, bool TransposedA, bool TransposedB, int AddendRowStride, int AddendColumnStride)
{
    /// <summary>Checks the operands against each other.</summary>
    public static GemmShape Of(DenseRequest request, TensorType a, TensorType b, TensorType? c)
    {
        request.Require(a.Rank == 2 && b.Rank == 2, $"its operands are {a} and {b}; matrices are needed.");
        bool transposedA = request.Node.Int("transA", 0) != 0;
        bool transposedB = request.Node.Int("transB", 0) != 0;
        (int rows, int depth) = transposedA ? (a.Dims[1], a.Dims[0]) : (a.Dims[0], a.Dims[1]);
        (int inner, int columns) = transposedB ? (b.Dims[1], b.Dims[0]) : (b.Dims[0], b.Dims[1]);
        request.Require(depth == inner, $"{a} and {b} do not multiply: their inner lengths are {depth} and {inner}.");
        int rowStride = 0;
        int columnStride = 0;
        if (c is { } addend)
        {
            int addendColumns = addend.Rank > 0 ? addend.Dims[^1] : 1;
            int addendRows = addend.Rank > 1 ? addend.Dims[^2] : 1;
            bool fits = addend.Rank <= 2 && (addendColumns == 1 || addendColumns == columns) && (addendRows == 1 || addendRows == rows);
            request.Require(fits, $"its third operand {addend} does not broadcast to [{rows},{columns}].");
            rowStride = addendRows == 1 ? 0 : addendColumns;
            columnStride = addendColumns == 1 ? 0 : 1;
        }

        return new GemmShape(rows, columns, depth, transposedA, transposedB, rowStride, columnStride);
    }
}

/// <summary>Gemm of floats: alpha A B + beta C.</summary>
internal static unsafe class Gemm
{
    /// <summary>What this family computes.</summary>
    public static IEnumerable<(string Op, Func<DenseRequest, DensePlan> Ready)> List => [("Gemm", Ready)];

    private static DensePlan Ready(DenseRequest request)
    {
        GemmShape shape = GemmShape.Of(request, request.Floats(0), request.Floats(1), request.Has(2) ? request.Floats(2) : null);
        float alpha = request.Node.Float("alpha", 1);
        float beta = request.Has(2) ? request.Node.Float("beta", 1) : 0;
        return new Product<float>
        {
            Batches = 1,
            Rows = shape.Rows,
            Columns = shape.Columns,
            Depth = shape.Depth,
            RowStride = shape.TransposedA ? 1 : shape.Depth,
            DepthStride = shape.TransposedA ? shape.Rows : 1,
            Left = (inputs, _, _) => (float*)inputs[0],
            Fill = new MatrixColumns<float, FloatElement>(1, shape.Depth, shape.Columns, shape.TransposedB).Fill,
            RightInputs = [1],
            Store = (inputs, outputs, _, tile, at) =>
            {
                float* y = (float*)outputs[0] + ((long)at.Row * shape.Columns) + at.Column;
                for (int r = 0; r < at.Rows; r++, y += shape.Columns, tile += Product<float>.Width)
                {
                    for (int j = 0; j < at.Columns; j++)
                    {
                        float sum = alpha * tile[j];
                        y[j] = beta == 0 ? sum : sum + (beta * ((float*)inputs[2])[((long)(at.Row + r) * shape.AddendRowStride) + ((at.Column + j) * shape.AddendColumnStride)]);
                    }
                }
            },
        }.Plan(request, request.Output(ElementType.Float, [shape.Rows, shape.Columns]));
    }
}
