using Halftone.Engine.Dense.Linear;
using Halftone.Onnx;

namespace Halftone.Engine.Dense.Pooling;

/// <summary>AveragePool and LpPool of floats.</summary>
internal static unsafe class AveragePool
{
    /// <summary>What this family computes.</summary>
    public static IEnumerable<(string Op, Func<DenseRequest, DensePlan> Ready)> List => [("AveragePool", Ready), ("LpPool", ReadyLp)];

    private static DensePlan Ready(DenseRequest request)
    {
        TensorType x = request.Floats(0);
        PoolShape shape = PoolShape.Of(request, x);
        bool padding = request.Node.Int("count_include_pad", 0) != 0;
        return Plan(request, shape, (plane, z, y, column) => Sum(shape.Window, plane, z, y, column, 0) / Counted(shape.Window, padding, z, y, column));
    }

    private static DensePlan ReadyLp(DenseRequest request)
    {
        TensorType x = request.Floats(0);
        PoolShape shape = PoolShape.Of(request, x);
        long p = request.Node.Int("p", 2);
        request.Require(p >= 1, "p must be 1 or more.");
        return Plan(request, shape, (plane, z, y, column) =>
        {
            float sum = Sum(shape.Window, plane, z, y, column, (int)p);
            return p switch { 1 => sum, 2 => MathF.Sqrt(sum), _ => MathF.Pow(sum, 1f / p) };
        });
    }

    private delegate float Pool(float* plane, int z, int row, int column);

    private static DensePlan Plan(DenseRequest request, PoolShape shape, Pool pool) => new(
        [request.Output(ElementType.Float, shape.OutputDims)],
        (inputs, outputs, _, part, parts) =>
        {
            Window window = shape.Window;
            (int begin, int end) = Parts.Units(shape.Planes, part, parts);
            float* y = (float*)outputs[0] + ((long)begin * window.OutputCount);
            for (int plane = begin; plane < end; plane++)
            {
                float* x = (float*)inputs[0] + ((long)plane * window.InputCount);
                for (int i = 0; i < window.OutputCount; i++)
                {
                    int column = i % window.Output[2];
                    int row = i / window.Output[2] % window.Output[1];
                    *y++ = pool(x, i / window.Output[2] / window.Output[1], row, column);
                }
            }
        })
    {
        MostParts = Parts.MostUnits(shape.Planes),
    };

    /// <summary>Sum over a window of the elements (power 0), or of powers of their magnitudes.</summary>
    private static float Sum(Window window, float* x, int z, int row, int column, int power)
    {
        float sum = 0;
        for (int tz = 0; tz < window.Kernel[0]; tz++)
        {
            int iz = window.At(0, z, tz);
            for (int ty = 0; iz >= 0 && ty < window.Kernel[1]; ty++)
            {
                int iy = window.At(1, row, ty);
                for (int tx = 0; iy >= 0 && tx < window.Kernel[2]; tx++)
                {
                    int ix = window.At(2, column, tx);
                    if (ix >= 0)
                    {
                        float value = x[(((iz * window.Input[1]) + iy) * window.Input[2]) + ix];
                        sum += power switch { 0 => value, 1 => MathF.Abs(value), 2 => value * value, _ => MathF.Pow(MathF.Abs(value), power) };
                    }
                }
            }
        }

        return sum;
    }

    /// <summary>How many elements count: those of the image, or of its padding too, but none behind that.</summary>
    private static int Counted(Window window, bool padding, int z, int row, int column) =>
        Counted(window, padding, 0, z) * Counted(window, padding, 1, row) * Counted(window, padding, 2, column);

    private static int Counted(Window window, bool padding, int axis, int output)
    {
        int count = 0;
        for (int tap = 0; tap < window.Kernel[axis]; tap++)
        {
            int at = (output * window.Stride[axis]) + (tap * window.Dilation[axis]);
            bool counts = padding ? at < window.Before[axis] + window.Input[axis] + window.After[axis] : window.At(axis, output, tap) >= 0;
            count += counts ? 1 : 0;
        }

        return count;
    }
}
