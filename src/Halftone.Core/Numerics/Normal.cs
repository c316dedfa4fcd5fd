namespace Halftone.Numerics;

/// <summary>The error function and the standard normal distribution.</summary>
public static class Normal
{
    // below it the series, above it the continued fraction: both give 1e-15 here
    private const double Border = 3;

    /// <summary>1 - 2 / sqrt(pi) * integral from 0 to x of exp(-t^2), without the loss of digits of 1 - erf(x) for large x.</summary>
    public static double ErrorComplement(double x)
    {
        if (x < Border)
        {
            return 1 - ErrorFunction(x);
        }

        // erfc(x) = exp(-x^2) / sqrt(pi) * 1 / (x + (1/2) / (x + 1 / (x + (3/2) / (x + ...)))), from the inside out
        double tail = x;
        for (int n = 60; n >= 1; n--)
        {
            tail = x + (n / 2.0 / tail);
        }

        return Math.Exp(-x * x) / (Math.Sqrt(Math.PI) * tail);
    }

    /// <summary>2 / sqrt(pi) * integral from 0 to x of exp(-t^2).</summary>
    public static double ErrorFunction(double x)
    {
        if (Math.Abs(x) >= Border)
        {
            return x > 0 ? 1 - ErrorComplement(x) : ErrorComplement(-x) - 1;
        }

        // 2 / sqrt(pi) * exp(-x^2) * sum of 2^n x^(2n+1) / (1 * 3 * ... * (2n+1)): terms of one sign, so nothing cancels
        double term = x;
        double sum = 0;
        for (int n = 1; Math.Abs(term) > 1e-17 * Math.Abs(sum); n++)
        {
            sum += term;
            term *= 2 * x * x / ((2 * n) + 1);
        }

        return 2 / Math.Sqrt(Math.PI) * Math.Exp(-x * x) * sum;
    }

    /// <summary>Probability of a value below x.</summary>
    public static double Cumulative(double x) => 0.5 * ErrorComplement(-x / Math.Sqrt(2));

    /// <summary>The x with <see cref="Cumulative"/>(x) = p; by bisection, to the last digits.</summary>
    /// <exception cref="ArgumentOutOfRangeException">p outside (0, 1).</exception>
    public static double Quantile(double p)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(p);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(p, 1);
        if (p > 0.5)
        {
            return -Quantile(1 - p);
        }

        (double low, double high) = (-40, 0);
        for (double middle = -20; middle != low && middle != high; middle = (low + high) / 2)
        {
            (low, high) = Cumulative(middle) < p ? (middle, high) : (low, middle);
        }

        return high;
    }
}
