using Halftone.Numerics;

namespace Halftone.Statistics;

/// <summary>What quantizing the values of a histogram errs.</summary>
public static class ExpectedError
{
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

    /// <summary>The sum instead of the mean, of a histogram without its exact zeros; what errs below zero counts with a weight.</summary>
    internal static double Total(Histogram histogram, AffineParameters parameters, IntegerGrid codes, double power, double negativeWeight = 1)
    {
        double low = codes.Min - parameters.ZeroPoint;
        double high = codes.Max - parameters.ZeroPoint;
        double stepsPerBin = histogram.BinWidth / parameters.Scale;
        double cell = 2 * Math.Pow(0.5, power + 1);
        double Integral(double t)
        {
            double n = Math.Clamp(Math.Round(t), low, high);
            double u = t - n;
            return (n * cell) + (power == 2 ? u * u * u : Math.CopySign(Math.Pow(Math.Abs(u), power + 1), u));
        }

        double sum = 0;
        double before = Integral(histogram.FirstBin * stepsPerBin);
        for (int position = 0; position < histogram.Counts.Length; position++)
        {
            double after = Integral((histogram.FirstBin + position + 1) * stepsPerBin);
            double weight = histogram.FirstBin + position < 0 ? negativeWeight : 1;
            sum += weight * histogram.Counts[position] * (after - before);
            before = after;
        }

        return sum / (stepsPerBin * (power + 1)) * Math.Pow(parameters.Scale, power);
    }
}
