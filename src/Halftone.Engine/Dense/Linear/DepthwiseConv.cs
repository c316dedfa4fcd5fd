using System.Runtime.Intrinsics;

namespace Halftone.Engine.Dense.Linear;

/// <summary>Conv of floats where every filter sees one channel: rows of the output, tap by tap.</summary>
internal static unsafe class DepthwiseConv
{
    /// <summary>A plan for a shape that was checked.</summary>
    public static DensePlan Ready(DenseRequest request, ConvShape shape, TensorType output)
    {
        Window window = shape.Window;
        bool biased = request.Has(2);
        int planes = request.Count([shape.Images, shape.Groups, shape.Filters]);
        return new DensePlan(
            [output],
            (inputs, outputs, _, part, parts) =>
            {
                (int begin, int end) = Parts.Units(planes, part, parts);
                for (int plane = begin; plane < end; plane++)
                {
                    int filter = plane % (shape.Groups * shape.Filters);
                    float* x = (float*)inputs[0] + ((long)(plane / shape.Filters) * window.InputCount);
                    float* w = (float*)inputs[1] + ((long)filter * window.Taps);
                    float bias = biased ? ((float*)inputs[2])[filter] : 0;
                    Plane(window, x, w, bias, (float*)outputs[0] + ((long)plane * window.OutputCount));
                }
            })
        {
            MostParts = Parts.MostUnits(planes),
        };
    }

    private static void Plane(Window window, float* x, float* w, float bias, float* y)
    {
        for (int z = 0; z < window.Output[0]; z++)
        {
            for (int row = 0; row < window.Output[1]; row++, y += window.Output[2])
            {
                new Span<float>(y, window.Output[2]).Fill(bias);
                for (int tz = 0; tz < window.Kernel[0]; tz++)
                {
                    for (int ty = 0; ty < window.Kernel[1]; ty++)
                    {
                        int iz = window.At(0, z, tz);
                        int iy = window.At(1, row, ty);
                        if (iz >= 0 && iy >= 0)
                        {
                            float* taps = w + (((tz * window.Kernel[1]) + ty) * window.Kernel[2]);
                            Row(window, x + (((long)iz * window.Input[1]) + iy) * window.Input[2], taps, y);
                        }
                    }
                }
            }
        }
    }

    /// <summary>Adds what a row of the kernel sees in a row of the image.</summary>
    private static void Row(Window window, float* x, float* taps, float* y)
    {
        int stride = window.Stride[2];
        for (int tap = 0; tap < window.Kernel[2]; tap++)
        {
            int shift = (tap * window.Dilation[2]) - window.Before[2];
            int first = shift >= 0 ? 0 : (-shift + stride - 1) / stride;
            int past = window.Input[2] - 1 - shift < 0 ? 0 : Math.Min(window.Output[2], ((window.Input[2] - 1 - shift) / stride) + 1);
            int o = first;
            float weight = taps[tap];
            if (stride == 1)
            {
                for (; o <= past - 8; o += 8)
                {
                    Vector256.MultiplyAddEstimate(Vector256.Load(x + o + shift), Vector256.Create(weight), Vector256.Load(y + o)).Store(y + o);
                }
            }

            for (; o < past; o++)
            {
                y[o] = MathF.FusedMultiplyAdd(x[(o * stride) + shift], weight, y[o]);
            }
        }
    }
}
