using System.Runtime.Intrinsics;
using Halftone.Engine.Dense.Linear;
using Halftone.Onnx;

namespace Halftone.Engine.Dense.Normalization;

/// <summary>Softmax, LogSoftmax and Hardmax of floats.</summary>
internal static unsafe class Softmax
{
    /// <summary>What this family computes.</summary>
    public static IEnumerable<(string Op, Func<DenseRequest, DensePlan> Ready)> List =>
        [("Softmax", r => Ready(r, Exponentials)), ("LogSoftmax", r => Ready(r, Logarithms)), ("Hardmax", r => Ready(r, Highest))];

    private delegate void Line(float* x, float* y, int length, int stride);

    private static DensePlan Ready(DenseRequest request, Line line)
    {
        TensorType x = request.Floats(0);
        Lines lines = Lines.OfSoftmax(request, x, request.Opset);
        return new DensePlan(
            [request.Output(ElementType.Float, x.Dims.AsSpan())],
            (inputs, outputs, _, part, parts) =>
            {
                (int begin, int end) = Parts.Units(lines.Length == 0 ? 0 : lines.Count, part, parts);
                for (int i = begin; i < end; i++)
                {
                    int start = lines.Start(i);
                    line((float*)inputs[0] + start, (float*)outputs[0] + start, lines.Length, lines.Inner);
                }
            })
        {
            MostParts = Parts.MostUnits(lines.Count),
        };
    }

    private static void Exponentials(float* x, float* y, int length, int stride)
    {
        float max = x[Place(x, length, stride) * stride];
        int i = 0;
        if (stride == 1)
        {
            for (; i <= length - 8; i += 8)
            {
                Vector256.Exp(Vector256.Load(x + i) - Vector256.Create(max)).Store(y + i);
            }
        }

        for (; i < length; i++)
        {
            y[i * stride] = MathF.Exp(x[i * stride] - max);
        }

        float sum = 0;
        for (i = 0; i < length; i++)
        {
            sum += y[i * stride];
        }

        for (i = 0; i < length; i++)
        {
            y[i * stride] /= sum;
        }
    }

    private static void Logarithms(float* x, float* y, int length, int stride)
    {
        float max = x[Place(x, length, stride) * stride];
        float sum = 0;
        for (int i = 0; i < length; i++)
        {
            sum += MathF.Exp(x[i * stride] - max);
        }

        float log = MathF.Log(sum);
        for (int i = 0; i < length; i++)
        {
            y[i * stride] = x[i * stride] - max - log;
        }
    }

    private static void Highest(float* x, float* y, int length, int stride)
    {
        int place = Place(x, length, stride);
        for (int i = 0; i < length; i++)
        {
            y[i * stride] = i == place ? 1 : 0;
        }
    }

    /// <summary>The first of the highest.</summary>
    private static int Place(float* x, int length, int stride)
    {
        int place = 0;
        for (int i = 1; i < length; i++)
        {
            place = x[i * stride] > x[place * stride] ? i : place;
        }

        return place;
    }
}
