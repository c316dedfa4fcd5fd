using Halftone.Engine.Dense.Linear;
using Halftone.Onnx;

namespace Halftone.Engine.Dense.Quantized;

/// <summary>com.microsoft's QGemm. Inputs: A, its scale and zero point, B, its scales and zero points, C of int32, scale and zero point of Y; without the last two Y is float.</summary>
internal static unsafe class QGemm
{
    /// <summary>What this family computes.</summary>
    public static IEnumerable<(string Op, Func<DenseRequest, DensePlan> Ready)> List => [("com.microsoft.QGemm", Ready)];

    private static DensePlan Ready(DenseRequest request)
    {
        (TensorType a, TensorType b) = (request.Codes(0), request.Codes(3));
        bool added = request.Has(6);
        GemmShape shape = GemmShape.Of(request, a, b, added ? request.Input(6, ElementType.Int32) : null);
        request.Quantization(1, 2, a.Element);
        int scales = Columns(request, 4, ElementType.Float, shape);
        int zeros = request.Has(5) ? Columns(request, 5, b.Element, shape) : 1;
        bool codes = request.Has(7);
        request.Require(codes == request.Has(8), "it needs both scale and zero point of its output, or none.");
        TensorType y = codes ? request.Codes(8) : default;
        if (codes)
        {
            request.Quantization(7, 8, y.Element);
        }

        float alpha = request.Node.Float("alpha", 1);
        MatMulShape columns = new([], shape.Rows, shape.Columns, shape.Depth, [0], [0], shape.Rows) { RightBatches = 1, LeftCount = request.Count(a.Dims.AsSpan()) };
        int zeroA = IntegerOperands.Optional(request, 2);
        int zeroB = IntegerOperands.Optional(request, 5);
        return new Product<int>
        {
            Batches = 1,
            Rows = shape.Rows,
            Columns = shape.Columns,
            Depth = shape.Depth,
            RowStride = shape.TransposedA ? 1 : shape.Depth,
            DepthStride = shape.TransposedA ? shape.Rows : 1,
            Prepare = IntegerOperands.Left(0, a, Math.Max(1, a.Dims[1]), zeroA, 1),
            PreparedCount = columns.LeftCount,
            LeftInputs = zeroA < 0 ? [0] : [0, 2],
            Left = (_, prepared, _) => prepared,
            Fill = IntegerOperands.Right(3, b, columns, shape.TransposedB, zeroB, zeros),
            RightInputs = zeroB < 0 ? [3] : [3, 5],
            Store = (inputs, outputs, _, tile, at) =>
            {
                for (int r = 0; r < at.Rows; r++, tile += Product<int>.Width)
                {
                    long to = (((long)at.Row + r) * shape.Columns) + at.Column;
                    for (int j = 0; j < at.Columns; j++)
                    {
                        int sum = tile[j] + (added ? ((int*)inputs[6])[((at.Row + r) * (long)shape.AddendRowStride) + ((at.Column + j) * shape.AddendColumnStride)] : 0);
                        float scale = alpha * Codes.Scale(inputs, 1) * Codes.Scale(inputs, 4, scales == 1 ? 0 : at.Column + j);
                        if (codes)
                        {
                            outputs[0][to + j] = Codes.Requantize(sum, scale / Codes.Scale(inputs, 7), Codes.Zero(inputs, 8, y.IsSigned()), y.IsSigned());
                        }
                        else
                        {
                            ((float*)outputs[0])[to + j] = sum * scale;
                        }
                    }
                }
            },
        }.Plan(request, request.Output(codes ? y.Element : ElementType.Float, [shape.Rows, shape.Columns]));
    }

    private static int Columns(DenseRequest request, int input, ElementType element, GemmShape shape)
    {
        TensorType type = request.Input(input, element);
        request.Require(type.Count == 1 || (type.Rank == 1 && type.Count == shape.Columns), $"its input {input}, {type}, has neither one element nor one a column ({shape.Columns}).");
        return (int)type.Count;
    }
}
