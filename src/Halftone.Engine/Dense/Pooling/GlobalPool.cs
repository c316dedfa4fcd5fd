using Halftone.Engine.Dense.Linear;
using Halftone.Onnx;

namespace Halftone.Engine.Dense.Pooling;

/// <summary>GlobalAveragePool, GlobalMaxPool and GlobalLpPool of floats. Sums are kept in 64-bit floats.</summary>
internal static unsafe class GlobalPool
{
    /// <summary>What this family computes.</summary>
    public static IEnumerable<(string Op, Func<DenseRequest, DensePlan> Ready)> List =>
        [("GlobalAveragePool", r => Ready(r, Mean)), ("GlobalMaxPool", r => Ready(r, Highest)), ("GlobalLpPool", ReadyLp)];

    private delegate float Pool(ReadOnlySpan<float> plane);

    private static DensePlan ReadyLp(DenseRequest request)
    {
        long p = request.Node.Int("p", 2);
        request.Require(p >= 1, "p must be 1 or more.");
        return Ready(request, plane =>
        {
            double sum = 0;
            foreach (float value in plane)
            {
                sum += p == 2 ? (double)value * value : Math.Pow(Math.Abs(value), p);
            }

            return (float)(p == 2 ? Math.Sqrt(sum) : Math.Pow(sum, 1.0 / p));
        });
    }

    private static DensePlan Ready(DenseRequest request, Pool pool)
    {
        TensorType x = request.Floats(0);
        request.Require(x.Rank >= 3, $"the image is {x}; 3 axes or more are needed.");
        int planes = request.Count([x.Dims[0], x.Dims[1]]);
        int count = request.Count(x.Dims.AsSpan()[2..]);
        request.Require(count > 0, "the image is empty.");
        int[] output = [x.Dims[0], x.Dims[1], .. Enumerable.Repeat(1, x.Rank - 2)];
        return new DensePlan(
            [request.Output(ElementType.Float, output)],
            (inputs, outputs, _, part, parts) =>
            {
                (int begin, int end) = Parts.Units(planes, part, parts);
                for (int plane = begin; plane < end; plane++)
                {
                    ((float*)outputs[0])[plane] = pool(new ReadOnlySpan<float>((float*)inputs[0] + ((long)plane * count), count));
                }
            })
        {
            MostParts = Parts.MostUnits(planes),
        };
    }

    private static float Mean(ReadOnlySpan<float> plane)
    {
        double sum = 0;
        foreach (float value in plane)
        {
            sum += value;
        }

        return (float)(sum / plane.Length);
    }

    private static float Highest(ReadOnlySpan<float> plane)
    {
        float highest = float.NegativeInfinity;
        foreach (float value in plane)
        {
            highest = MathF.Max(highest, value);
        }

        return highest;
    }
}
