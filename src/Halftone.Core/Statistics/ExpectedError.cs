using System.Numerics.Tensors;
using Halftone.Numerics;

namespace Halftone.Statistics;

/// <summary>What quantizing the values of a histogram errs.</summary>
public static class ExpectedError
{
    private const int Block = 512; // bins at a time

    /// <summary>Mean of |x - dequantize(quantize(x))|^power, with the values of a bin taken as evenly spread over it and zeros as zero.</summary>
    /// <remarks>
    /// <para>The integral is exact. In steps of the scale, with n the code less the zero point that is nearest to t and u = t - n, the integral from 0 to t
    /// is F(t) = (2 n 0.5^(p+1) + sign(u) |u|^(p+1)) / (p+1), within the codes and beyond; a bin [a, b) errs F(b) - F(a).</para>
    /// <para>Cost: one F for each bin.</para>
    /// </remarks>
    /// <param name="statistics">Of the values.</param>
    /// <param name="parameters">Scale and zero point; the zero point is one of the codes.</param>
    /// <param name="codes">The codes.</param>
    /// <param name="power">p, 1 or more.</param>
    public static double Mean(TensorStatistics statistics, AffineParameters parameters, IntegerGrid codes, double power = 2)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(power, 1);
        return statistics.Count == 0 ? 0 : Total(statistics.Histogram.WithoutZeros(statistics.Zeros), parameters, codes, power) / statistics.Count;
    }

    /// <summary>The sum instead of the mean, of a histogram without its exact zeros.</summary>
    /// <remarks>F is computed in vectors, the sum in order, so that it does not depend on their length.</remarks>
    internal static double Total(Histogram histogram, AffineParameters parameters, IntegerGrid codes, double power)
    {
        double stepsPerBin = histogram.BinWidth / parameters.Scale;
        ReadOnlySpan<long> counts = histogram.Counts.AsSpan();
        Span<double> integrals = stackalloc double[Block + 1];
        double sum = 0;
        for (int from = 0; from < counts.Length; from += Block)
        {
            ReadOnlySpan<long> part = counts[from..Math.Min(from + Block, counts.Length)];
            Integrals(histogram.FirstBin + from, stepsPerBin, codes.Min - parameters.ZeroPoint, codes.Max - parameters.ZeroPoint, power, integrals[..(part.Length + 1)]);
            for (int i = 0; i < part.Length; i++)
            {
                sum += part[i] * (integrals[i + 1] - integrals[i]);
            }
        }

        return sum / (stepsPerBin * (power + 1)) * Math.Pow(parameters.Scale, power);
    }

    /// <summary>(p + 1) F at the borders of bins, from one bin on.</summary>
    private static void Integrals(int bin, double stepsPerBin, double low, double high, double power, Span<double> results)
    {
        Span<double> nearest = stackalloc double[results.Length];
        Span<double> apart = stackalloc double[results.Length];
        for (int i = 0; i < results.Length; i++)
        {
            results[i] = (bin + i) * stepsPerBin;
        }

        TensorPrimitives.Round(results, nearest);
        TensorPrimitives.Clamp(nearest, low, high, nearest);
        TensorPrimitives.Subtract(results, nearest, apart);
        TensorPrimitives.Multiply(nearest, 2 * Math.Pow(0.5, power + 1), nearest);
        if (power == 2)
        {
            TensorPrimitives.Multiply(apart, apart, results);
            TensorPrimitives.MultiplyAdd(results, apart, nearest, results);
            return;
        }

        Span<double> powers = stackalloc double[results.Length];
        TensorPrimitives.Abs(apart, powers);
        TensorPrimitives.Pow(powers, power + 1, powers);
        TensorPrimitives.CopySign(powers, apart, powers);
        TensorPrimitives.Add(powers, nearest, results);
    }
}
