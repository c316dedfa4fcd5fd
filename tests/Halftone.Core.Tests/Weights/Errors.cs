using Halftone.Formats;
using Halftone.Weights;

namespace Halftone.Core.Tests.Weights;

/// <summary>What quantized weights err, and a layer to err on.</summary>
internal static class Errors
{
    /// <summary>Sum of squares.</summary>
    public static double Squared(WeightView weight, QuantizedTensor q) => weight.Values.ToArray().Zip(q.Dequantize(), (w, x) => Math.Pow((double)w - x, 2)).Sum();

    /// <summary>As a share of the weight's squares.</summary>
    public static double Relative(WeightView weight, QuantizedTensor q) => Squared(weight, q) / weight.Values.ToArray().Sum(w => (double)w * w);

    /// <summary>8 outputs of 16 inputs of which neighbours share most of what they are, and the inputs' second moment.</summary>
    public static (WeightView Weight, double[] Moment) Layer(int seed)
    {
        float[] noise = Generators.Normal(16 * 200, seed);
        double[] x = [.. noise.Select((v, i) => (double)v + (i % 16 == 0 ? 0 : 2 * noise[i - 1]))];
        var moment = new double[16 * 16];
        for (int sample = 0; sample < 200; sample++)
        {
            for (int i = 0; i < 256; i++)
            {
                moment[i] += x[(sample * 16) + (i / 16)] * x[(sample * 16) + (i % 16)] / 200;
            }
        }

        return (new WeightView(WeightKind.MatMul, [8, 16], 0, 1, 1, Generators.Laplace(128, seed + 1)), moment);
    }

    /// <summary>Mean squared error of the outputs, summed over them, of a weight whose rows are outputs.</summary>
    public static double Output(WeightView weight, float[] made, double[] moment) => Enumerable.Range(0, weight.Shape[0]).Sum(row => Row(weight, made, moment, row));

    /// <summary>That of one output.</summary>
    public static double Row(WeightView weight, float[] made, double[] moment, int row)
    {
        int d = weight.Shape[1];
        double[] e = [.. Enumerable.Range(0, d).Select(i => (double)weight.Values.Span[(row * d) + i] - made[(row * d) + i])];
        return Enumerable.Range(0, d * d).Sum(i => e[i / d] * e[i % d] * moment[i]);
    }
}
