using Halftone.Engine.Dense.Linear;
using Halftone.Onnx;

namespace Halftone.Engine.Dense.Quantized;

/// <summary>ConvInteger and QLinearConv. Sums are 32-bit integers, which wrap.</summary>
internal static unsafe class IntegerConv
{
    /// <summary>What this family computes.</summary>
    public static IEnumerable<(string Op, Func<DenseRequest, DensePlan> Ready)> List => [("ConvInteger", ReadyInteger), ("QLinearConv", ReadyQLinear)];

    private static DensePlan ReadyInteger(DenseRequest request)
    {
        (TensorType x, TensorType w) = (request.Codes(0), request.Codes(1));
        ConvShape shape = ConvShape.Of(request, x, w);
        int pixels = shape.Window.OutputCount;
        if (request.Has(2))
        {
            request.Single(2, x.Element);
        }

        return Plan(request, shape, (0, 2), (1, 3), ElementType.Int32, (_, outputs, _, tile, at) =>
        {
            int* y = (int*)outputs[0] + ((((long)at.Batch * shape.Filters) + at.Row) * pixels) + at.Column;
            for (int r = 0; r < at.Rows; r++, y += pixels, tile += Product<int>.Width)
            {
                new ReadOnlySpan<int>(tile, at.Columns).CopyTo(new Span<int>(y, at.Columns));
            }
        });
    }

    private static DensePlan ReadyQLinear(DenseRequest request)
    {
        (TensorType x, TensorType w) = (request.Codes(0), request.Codes(3));
        ConvShape shape = ConvShape.Of(request, x, w);
        int channels = shape.Groups * shape.Filters;
        request.Quantization(1, 2, x.Element);
        TensorType scales = request.Floats(4);
        request.Require(scales.Count == 1 || scales.Count == channels, $"its {scales.Count} weight scales do not fit {channels} channels.");
        request.Single(6, ElementType.Float);
        TensorType y = request.Codes(7);
        request.Single(7, y.Element);
        bool biased = request.Has(8) && request.Shaped(8, ElementType.Int32, channels).Rank == 1;
        bool perChannel = scales.Count > 1;
        int pixels = shape.Window.OutputCount;
        return Plan(request, shape, (0, 2), (3, 5), y.Element, (inputs, outputs, _, tile, at) =>
        {
            int zero = Codes.Zero(inputs, 7, y.IsSigned());
            int channel = (at.Batch % shape.Groups * shape.Filters) + at.Row;
            byte* to = outputs[0] + ((((long)at.Batch * shape.Filters) + at.Row) * pixels) + at.Column;
            for (int r = 0; r < at.Rows; r++, channel++, to += pixels, tile += Product<int>.Width)
            {
                int bias = biased ? ((int*)inputs[8])[channel] : 0;
                float scale = Codes.Scale(inputs, 1) * Codes.Scale(inputs, 4, perChannel ? channel : 0) / Codes.Scale(inputs, 6);
                for (int j = 0; j < at.Columns; j++)
                {
                    to[j] = Codes.Requantize(tile[j] + bias, scale, zero, y.IsSigned());
                }
            }
        });
    }

    private static DensePlan Plan(DenseRequest request, ConvShape shape, (int At, int Zero) image, (int At, int Zero) weight, ElementType made, TileStore<int> store)
    {
        TensorType w = request.Input(weight.At);
        int channels = shape.Groups * shape.Filters;
        int zeros = 1;
        if (request.Has(weight.Zero))
        {
            TensorType type = request.Input(weight.Zero, w.Element);
            request.Require(type.Count == 1 || (type.Rank == 1 && type.Count == channels), $"its {type.Count} weight zero points do not fit {channels} channels.");
            zeros = (int)type.Count;
        }

        request.Count([shape.Images, shape.Groups]);
        return new Product<int>
        {
            Batches = shape.Images * shape.Groups,
            Rows = shape.Filters,
            Columns = shape.Window.OutputCount,
            Depth = shape.Depth,
            RowStride = shape.Depth,
            Prepare = IntegerOperands.Left(weight.At, w, shape.Depth, IntegerOperands.Optional(request, weight.Zero), zeros),
            PreparedCount = request.Count(w.Dims.AsSpan()),
            LeftInputs = request.Has(weight.Zero) ? [weight.At, weight.Zero] : [weight.At],
            Left = (_, prepared, batch) => prepared + ((long)(batch % shape.Groups) * shape.Filters * shape.Depth),
            Fill = IntegerOperands.Image(image.At, request.Input(image.At), shape, IntegerOperands.Optional(request, image.Zero)),
            Store = store,
        }.Plan(request, request.Output(made, shape.OutputDims));
    }
}
