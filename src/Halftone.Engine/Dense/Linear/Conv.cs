using System.Runtime.Intrinsics;
using Halftone.Onnx;

namespace Halftone.Engine.Dense.Linear;

/// <summary>Conv and ConvTranspose of floats, one to three axes.</summary>
internal static unsafe class Conv
{
    /// <summary>What this family computes.</summary>
    public static IEnumerable<(string Op, Func<DenseRequest, DensePlan> Ready)> List => [("Conv", Ready), ("ConvTranspose", ReadyTransposed)];

    private static DensePlan Ready(DenseRequest request)
    {
        ConvShape shape = ConvShape.Of(request, request.Floats(0), request.Floats(1));
        TensorType output = Checked(request, shape);
        if (shape.Channels == 1)
        {
            return DepthwiseConv.Ready(request, shape, output);
        }

        return new Product<float>
        {
            Batches = shape.Images * shape.Groups,
            Rows = shape.Filters,
            Columns = shape.Window.OutputCount,
            Depth = shape.Depth,
            RowStride = shape.Depth,
            Left = (inputs, _, batch) => (float*)inputs[1] + ((long)(batch % shape.Groups) * shape.Filters * shape.Depth),
            Fill = new Columns<float, FloatElement>(shape.Window, shape.Channels, 0, -1).Fill,
            Store = Store(shape, request.Has(2)),
        }.Plan(request, output);
    }

    private static DensePlan ReadyTransposed(DenseRequest request)
    {
        ConvShape shape = ConvShape.Of(request, request.Floats(0), request.Floats(1), transposed: true);
        TensorType output = Checked(request, shape);
        return new Product<float>
        {
            Batches = shape.Images * shape.Groups,
            Rows = shape.Filters,
            Columns = shape.Window.OutputCount,
            Depth = shape.Depth,
            RowStride = shape.Depth,
            Prepare = (inputs, prepared) => Transpose(shape, (float*)inputs[1], prepared),
            PreparedCount = (long)shape.Groups * shape.Filters * shape.Depth,
            LeftInputs = [1],
            Left = (_, prepared, batch) => prepared + ((long)(batch % shape.Groups) * shape.Filters * shape.Depth),
            Fill = new Columns<float, FloatElement>(shape.Window, shape.Channels, 0, -1).Fill,
            Store = Store(shape, request.Has(2)),
        }.Plan(request, output);
    }

    private static TensorType Checked(DenseRequest request, ConvShape shape)
    {
        if (request.Has(2))
        {
            request.Shaped(2, ElementType.Float, shape.Groups * shape.Filters);
        }

        request.Count([shape.Images, shape.Groups]);
        return request.Output(ElementType.Float, shape.OutputDims);
    }

    /// <summary>[channel, filter, tap] becomes [filter, channel, tap], a group at a time.</summary>
    private static void Transpose(ConvShape shape, float* w, float* to)
    {
        int taps = shape.Window.Taps;
        for (int g = 0; g < shape.Groups; g++)
        {
            for (int f = 0; f < shape.Filters; f++)
            {
                for (int c = 0; c < shape.Channels; c++, to += taps)
                {
                    float* from = w + (((((long)g * shape.Channels) + c) * shape.Filters) + f) * taps;
                    new ReadOnlySpan<float>(from, taps).CopyTo(new Span<float>(to, taps));
                }
            }
        }
    }

    private static TileStore<float> Store(ConvShape shape, bool biased)
    {
        int pixels = shape.Window.OutputCount;
        return (inputs, outputs, _, tile, at) =>
        {
            float* bias = biased ? (float*)inputs[2] : null;
            int channel = (at.Batch % shape.Groups * shape.Filters) + at.Row;
            float* y = (float*)outputs[0] + ((((long)at.Batch * shape.Filters) + at.Row) * pixels) + at.Column;
            for (int r = 0; r < at.Rows; r++, y += pixels, tile += Product<float>.Width)
            {
                float b = bias is null ? 0 : bias[channel + r];
                if (at.Columns == Product<float>.Width)
                {
                    (Vector256.Load(tile) + Vector256.Create(b)).Store(y);
                    (Vector256.Load(tile + 8) + Vector256.Create(b)).Store(y + 8);
                    continue;
                }

                for (int j = 0; j < at.Columns; j++)
                {
                    y[j] = tile[j] + b;
                }
            }
        };
    }
}
