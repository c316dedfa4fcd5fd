using Halftone.Engine.Dense.Linear;
using Halftone.Engine.Dense.Pooling;

namespace Halftone.Engine.Dense.Quantized;

/// <summary>com.microsoft's QLinearAveragePool and QLinearGlobalAveragePool, channels first.</summary>
/// <remarks>
/// As ONNX Runtime. The first averages floats sx (x - zx) and adds the zero point before rounding: round(mean / sy + zy); padding that counts makes the divisor the whole kernel.
/// The second rounds the sum of integers times sx / (sy count), then adds the zero point.
/// </remarks>
internal static unsafe class QLinearPool
{
    /// <summary>What this family computes.</summary>
    public static IEnumerable<(string Op, Func<DenseRequest, DensePlan> Ready)> List => [("com.microsoft.QLinearAveragePool", Ready), ("com.microsoft.QLinearGlobalAveragePool", ReadyGlobal)];

    private static DensePlan Ready(DenseRequest request)
    {
        TensorType x = Image(request);
        PoolShape shape = PoolShape.Of(request, x);
        Window window = shape.Window;
        request.Require(window.Dilation.All(d => d == 1), "dilations are not computed.");
        bool padding = request.Node.Int("count_include_pad", 0) != 0;
        (int zeroX, int zeroY) = (IntegerOperands.Optional(request, 2), IntegerOperands.Optional(request, 4));
        bool signed = x.IsSigned();
        return new DensePlan(
            [request.Output(x.Element, shape.OutputDims)],
            (inputs, outputs, _, part, parts) =>
            {
                (float scaleX, float scaleY) = (Codes.Scale(inputs, 1), Codes.Scale(inputs, 3));
                (int zx, int zy) = (Codes.Zero(inputs, zeroX, signed), Codes.Zero(inputs, zeroY, signed));
                (int begin, int end) = Parts.Units(shape.Planes, part, parts);
                for (int plane = begin; plane < end; plane++)
                {
                    byte* from = inputs[0] + ((long)plane * window.InputCount);
                    byte* to = outputs[0] + ((long)plane * window.OutputCount);
                    for (int i = 0; i < window.OutputCount; i++)
                    {
                        (float sum, int count) = Sum(window, from, i, scaleX, zx, signed);
                        to[i] = Codes.Round((sum / (padding ? window.Taps : count) / scaleY) + zy, signed);
                    }
                }
            })
        {
            MostParts = Parts.MostUnits(shape.Planes),
        };
    }

    private static (float Sum, int Count) Sum(Window window, byte* x, int output, float scale, int zero, bool signed)
    {
        float sum = 0;
        int count = 0;
        for (int tap = 0; tap < window.Taps; tap++)
        {
            int iz = window.At(0, output / window.Output[2] / window.Output[1], tap / window.Kernel[2] / window.Kernel[1]);
            int iy = window.At(1, output / window.Output[2] % window.Output[1], tap / window.Kernel[2] % window.Kernel[1]);
            int ix = window.At(2, output % window.Output[2], tap % window.Kernel[2]);
            if (iz >= 0 && iy >= 0 && ix >= 0)
            {
                sum += scale * (Codes.Load(x, (((iz * window.Input[1]) + iy) * window.Input[2]) + ix, signed) - zero);
                count++;
            }
        }

        return (sum, count);
    }

    private static DensePlan ReadyGlobal(DenseRequest request)
    {
        TensorType x = Image(request);
        int planes = request.Count([x.Dims[0], x.Dims[1]]);
        int count = request.Count(x.Dims.AsSpan()[2..]);
        request.Require(count is > 0 and < 1 << 23, $"an image of {count} elements is empty, or its sum may wrap.");
        (int zeroX, int zeroY) = (IntegerOperands.Optional(request, 2), IntegerOperands.Optional(request, 4));
        bool signed = x.IsSigned();
        int[] output = [x.Dims[0], x.Dims[1], .. Enumerable.Repeat(1, x.Rank - 2)];
        return new DensePlan(
            [request.Output(x.Element, output)],
            (inputs, outputs, _, part, parts) =>
            {
                float scale = Codes.Scale(inputs, 1) / (Codes.Scale(inputs, 3) * count);
                int zero = Codes.Zero(inputs, zeroX, signed);
                (int begin, int end) = Parts.Units(planes, part, parts);
                for (int plane = begin; plane < end; plane++)
                {
                    byte* from = inputs[0] + ((long)plane * count);
                    int sum = 0;
                    for (int i = 0; i < count; i++)
                    {
                        sum += Codes.Load(from, i, signed) - zero;
                    }

                    outputs[0][plane] = Codes.Requantize(sum, scale, Codes.Zero(inputs, zeroY, signed), signed);
                }
            })
        {
            MostParts = Parts.MostUnits(planes),
        };
    }

    private static TensorType Image(DenseRequest request)
    {
        TensorType x = request.Codes(0);
        request.Require(request.Node.Int("channels_last", 0) == 0, "channels_last is not computed.");
        request.Require(x.Rank >= 3, $"the image is {x}; 3 axes or more are needed.");
        request.Quantization(1, 2, x.Element);
        request.Quantization(3, 4, x.Element);
        return x;
    }
}
