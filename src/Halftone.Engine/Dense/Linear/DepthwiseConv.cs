using System.Runtime.CompilerServices;
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
        var seen = new RowWindow(window);
        int width = window.Output[2];
        for (int z = 0; z < window.Output[0]; z++)
        {
            for (int row = 0; row < window.Output[1]; row++, y += width)
            {
                var rows = new SeenRows(window, z, row);
                if (!seen.IsVector)
                {
                    for (int column = 0; column < width; column++)
                    {
                        y[column] = One(window, rows, x, w, bias, column);
                    }

                    continue;
                }

                for (int column = 0; column < width; column = RowWindow.Next(column, width))
                {
                    RowWindow.Store(Eight(window.Kernel[2], seen, rows, x, w, bias, column), y, column, width);
                }
            }
        }
    }

    /// <summary>One output: its taps, one after another.</summary>
    private static float One(Window window, in SeenRows rows, float* x, float* w, float bias, int column)
    {
        (int First, int End) taps = window.Inside(2, column);
        float sum = bias;
        for (int i = 0; i < rows.Planes; i++)
        {
            for (int j = 0; j < rows.Rows; j++)
            {
                float* weights = w + rows.FirstTap + (i * rows.KernelPlane) + (j * window.Kernel[2]);
                float* line = x + rows.First + (i * rows.PlaneStride) + (j * rows.RowStride);
                for (int k = taps.First; k < taps.End; k++)
                {
                    sum = MathF.FusedMultiplyAdd(line[window.At(2, column, k)], weights[k], sum);
                }
            }
        }

        return sum;
    }

    /// <summary>Eight outputs of a row.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)] // inside a larger method, sums would live in memory
    private static Vector256<float> Eight(int taps, in RowWindow seen, in SeenRows rows, float* x, float* w, float bias, int column)
    {
        Vector256<float> sums = Vector256.Create(bias);
        int at = seen.At(column), dilation = seen.Dilation;
        if (!seen.IsInside(at, taps))
        {
            return EightAtEdge(taps, seen, rows, x, w, bias, at);
        }

        for (int i = 0; i < rows.Planes; i++)
        {
            float* weights = w + rows.FirstTap + (i * rows.KernelPlane);
            float* line = x + rows.First + (i * rows.PlaneStride);
            for (int j = 0; j < rows.Rows; j++, line += rows.RowStride)
            {
                float* first = line + at;
                for (int k = 0; k < taps; k++, first += dilation)
                {
                    sums = Vector256.MultiplyAddEstimate(seen.Load(first), Vector256.Create(*weights++), sums);
                }
            }
        }

        return sums;
    }

    private static Vector256<float> EightAtEdge(int taps, in RowWindow seen, in SeenRows rows, float* x, float* w, float bias, int at)
    {
        Vector256<float> sums = Vector256.Create(bias);
        for (int i = 0; i < rows.Planes; i++)
        {
            float* weights = w + rows.FirstTap + (i * rows.KernelPlane);
            float* line = x + rows.First + (i * rows.PlaneStride);
            for (int j = 0; j < rows.Rows; j++, line += rows.RowStride)
            {
                for (int k = 0; k < taps; k++)
                {
                    sums = Vector256.MultiplyAddEstimate(seen.Load(line, at + (k * seen.Dilation), out _), Vector256.Create(*weights++), sums);
                }
            }
        }

        return sums;
    }
}
