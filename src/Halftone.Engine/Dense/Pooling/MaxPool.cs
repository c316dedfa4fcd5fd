using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Halftone.Engine.Dense.Linear;
using Halftone.Onnx;

namespace Halftone.Engine.Dense.Pooling;

/// <summary>MaxPool, with the places of the maxima where asked for. Padding never wins; among equals the first does.</summary>
internal static unsafe class MaxPool
{
    /// <summary>What this family computes.</summary>
    public static IEnumerable<(string Op, Func<DenseRequest, DensePlan> Ready)> List => [("MaxPool", Ready)];

    private static DensePlan Ready(DenseRequest request)
    {
        TensorType x = request.Input(0, ElementType.Float, ElementType.UInt8, ElementType.Int8);
        request.Require(request.Node.Int("storage_order", 0) == 0, "storage_order 1 is not computed.");
        PoolShape shape = PoolShape.Of(request, x);
        bool places = request.Node.Output(1).Length > 0;
        TensorType[] outputs = [request.Output(x.Element, shape.OutputDims), .. places ? [request.Output(ElementType.Int64, shape.OutputDims)] : Array.Empty<TensorType>()];
        DenseKernel kernel = x.Element switch
        {
            ElementType.Float => Kernel(shape, places, float.NegativeInfinity),
            ElementType.UInt8 => Kernel(shape, places, byte.MinValue),
            _ => Kernel(shape, places, sbyte.MinValue),
        };
        return new DensePlan([.. outputs], kernel) { MostParts = Parts.MostUnits(shape.Planes) };
    }

    private static DenseKernel Kernel<T>(PoolShape shape, bool places, T lowest)
        where T : unmanaged, INumber<T> => (inputs, outputs, _, part, parts) =>
    {
        Window window = shape.Window;
        var seen = new RowWindow(window);
        (int begin, int end) = Parts.Units(shape.Planes, part, parts);
        for (int plane = begin; plane < end; plane++)
        {
            T* x = (T*)inputs[0] + ((long)plane * window.InputCount);
            T* y = (T*)outputs[0] + ((long)plane * window.OutputCount);
            long* at = places && outputs[1] is not null ? (long*)outputs[1] + ((long)plane * window.OutputCount) : null;
            if (typeof(T) == typeof(float) && at is null && seen.IsVector)
            {
                Plane(window, seen, (float*)x, (float*)y);
            }
            else
            {
                Plane(window, x, y, at, (long)plane * window.InputCount, lowest);
            }
        }
    };

    private static void Plane(Window window, RowWindow seen, float* x, float* y)
    {
        int width = window.Output[2];
        for (int z = 0; z < window.Output[0]; z++)
        {
            for (int row = 0; row < window.Output[1]; row++, y += width)
            {
                var rows = new SeenRows(window, z, row);
                for (int column = 0; column < width; column = RowWindow.Next(column, width))
                {
                    RowWindow.Store(Eight(window.Kernel[2], seen, rows, x, column), y, column, width);
                }
            }
        }
    }

    /// <summary>The maxima of eight windows by the comparisons that one takes, so that zeros and what is not a number come out alike.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)] // inside a larger method, maxima would live in memory
    private static Vector256<float> Eight(int taps, in RowWindow seen, in SeenRows rows, float* x, int column)
    {
        Vector256<float> highest = Vector256.Create(float.NegativeInfinity);
        Vector256<int> any = default;
        int at = seen.At(column), dilation = seen.Dilation;
        bool all = seen.IsInside(at, taps);
        for (int i = 0; i < rows.Planes; i++)
        {
            float* line = x + rows.First + (i * rows.PlaneStride);
            for (int j = 0; j < rows.Rows; j++, line += rows.RowStride)
            {
                for (int k = 0; k < taps; k++)
                {
                    Vector256<int> inside = Vector256<int>.AllBitsSet;
                    Vector256<float> value = all ? seen.Load(line + at + (k * dilation)) : seen.Load(line, at + (k * dilation), out inside);
                    Vector256<int> higher = inside & (Vector256.GreaterThan(value, highest).AsInt32() | ~any);
                    highest = Vector256.ConditionalSelect(higher.AsSingle(), value, highest);
                    any |= inside;
                }
            }
        }

        return highest;
    }

    private static void Plane<T>(Window window, T* x, T* y, long* places, long origin, T lowest)
        where T : unmanaged, INumber<T>
    {
        for (int z = 0; z < window.Output[0]; z++)
        {
            for (int row = 0; row < window.Output[1]; row++)
            {
                for (int column = 0; column < window.Output[2]; column++)
                {
                    int place = Highest(window, x, z, row, column);
                    *y++ = place < 0 ? lowest : x[place];
                    if (places is not null)
                    {
                        *places++ = origin + Math.Max(place, 0);
                    }
                }
            }
        }
    }

    /// <summary>Where the maximum of a window is; -1 where it sees padding only.</summary>
    private static int Highest<T>(Window window, T* x, int z, int row, int column)
        where T : unmanaged, INumber<T>
    {
        int place = -1;
        for (int tz = 0; tz < window.Kernel[0]; tz++)
        {
            int iz = window.At(0, z, tz);
            for (int ty = 0; iz >= 0 && ty < window.Kernel[1]; ty++)
            {
                int iy = window.At(1, row, ty);
                for (int tx = 0; iy >= 0 && tx < window.Kernel[2]; tx++)
                {
                    int ix = window.At(2, column, tx);
                    int at = (((iz * window.Input[1]) + iy) * window.Input[2]) + ix;
                    if (ix >= 0 && (place < 0 || x[at] > x[place]))
                    {
                        place = at;
                    }
                }
            }
        }

        return place;
    }
}
