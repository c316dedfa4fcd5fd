using Halftone.Engine.Dense.Linear;
using Halftone.Onnx;

namespace Halftone.Engine.Dense.Normalization;

/// <summary>com.microsoft's Gelu, BiasGelu and FastGelu of floats.</summary>
internal static unsafe class Gelu
{
    /// <summary>What this family computes.</summary>
    public static IEnumerable<(string Op, Func<DenseRequest, DensePlan> Ready)> List =>
    [
        ("com.microsoft.Gelu", r => Ready(r, Exact)), ("com.microsoft.BiasGelu", r => r.Has(1) ? Ready(r, Exact) : throw r.Refusal("it has no bias.")),
        ("com.microsoft.FastGelu", r => Ready(r, Fast)),
    ];

    private static DensePlan Ready(DenseRequest request, Func<float, float> gelu)
    {
        TensorType x = request.Floats(0);
        bool biased = request.Has(1);
        int length = x.Rank > 0 ? x.Dims[^1] : 1;
        if (biased)
        {
            request.Shaped(1, ElementType.Float, length);
        }

        int count = request.Count(x.Dims.AsSpan());
        return new DensePlan(
            [request.Output(ElementType.Float, x.Dims.AsSpan())],
            (inputs, outputs, _, part, parts) =>
            {
                (long begin, long end) = Parts.Range(count, part, parts);
                for (long i = begin; i < end; i++)
                {
                    float value = ((float*)inputs[0])[i];
                    ((float*)outputs[0])[i] = gelu(biased ? value + ((float*)inputs[1])[i % length] : value);
                }
            })
        {
            MostParts = Parts.Most(count),
        };
    }

    /// <summary>x times the normal distribution function.</summary>
    private static float Exact(float x) => (float)(0.5 * x * (1 + ErrorFunction(x / Math.Sqrt(2))));

    private static float Fast(float x) => 0.5f * x * (1 + MathF.Tanh(0.7978845608f * (x + (0.044715f * x * x * x))));

    /// <summary>erf: its power series near 0, one less the continued fraction of erfc away from it; both to 1e-12.</summary>
    private static double ErrorFunction(double x)
    {
        double a = Math.Abs(x);
        if (a < 2)
        {
            double term = a;
            double sum = a;
            for (int n = 1; n < 60 && term > 1e-17 * sum; n++)
            {
                term *= 2 * a * a / ((2 * n) + 1);
                sum += term;
            }

            return Math.CopySign(2 / Math.Sqrt(Math.PI) * Math.Exp(-a * a) * sum, x);
        }

        double fraction = a;
        for (int n = 60; n >= 1; n--)
        {
            fraction = a + (n / 2.0 / fraction);
        }

        return Math.CopySign(1 - (Math.Exp(-a * a) / (Math.Sqrt(Math.PI) * fraction)), x);
    }
}
