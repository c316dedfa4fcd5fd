namespace Halftone.Engine.Dense.Elementwise;

/// <summary>erf(x) = 2 / sqrt(pi) * integral from 0 to x of exp(-t^2) dt.</summary>
/// <remarks>
/// Below 1/2 the series x * sum of (-x^2)^n / (n! (2n + 1)); from there on 1 - erfc(x), where erfc(x) = exp(-x^2) * t * P(t) with t = 2 / (2 + x) and P a Chebyshev
/// interpolant of 28 nodes on [1/16, 1], computed with 40 digits. Absolute error below 1e-15.
/// </remarks>
internal static class ErrorFunction
{
    private const double TwoOverSqrtPi = 1.1283791670955126;

    private static readonly double[] s_chebyshev =
    [
        1.1850809818301921, 0.34709719249178753, 0.058749868357729196, 0.0026341243885632718, -0.00094828333268185565, -0.00010095717908903055,
        2.6019245422243882e-5, 2.5547074776501999e-6, -1.0260214534148604e-6, -2.181799200891469e-8, 4.3160308023279893e-8, -3.849043545024631e-9,
        -1.446189153415211e-9, 3.8792917547257864e-10, 9.9785545988537802e-12, -2.1508661165285512e-11, 3.4116271293006669e-12, 5.1115164757331529e-13,
        -2.9753514236405286e-13, 3.4720047174306322e-14, 9.8624526154690519e-15, -4.4422611853813909e-15, 4.6979380118730682e-16, 1.6488629871667524e-16,
    ];

    /// <summary>The value.</summary>
    public static double Of(double x)
    {
        double magnitude = Math.Abs(x);
        if (double.IsNaN(x))
        {
            return x;
        }

        return magnitude < 0.5 ? Series(x) : magnitude > 6 ? Math.CopySign(1, x) : Math.CopySign(1 - Complement(magnitude), x);
    }

    private static double Series(double x)
    {
        double square = -x * x;
        double power = 1;
        double sum = 1;
        for (int n = 1; n <= 13; n++)
        {
            power *= square / n;
            sum += power / ((2 * n) + 1);
        }

        return TwoOverSqrtPi * x * sum;
    }

    private static double Complement(double x)
    {
        double t = 2 / (2 + x);
        double u = ((2 * t) - (1 + (1 / 16.0))) / (1 - (1 / 16.0));

        // Clenshaw's recurrence
        double last = 0;
        double current = 0;
        for (int i = s_chebyshev.Length - 1; i > 0; i--)
        {
            (last, current) = (current, (2 * u * current) - last + s_chebyshev[i]);
        }

        return t * Math.Exp(-x * x) * ((u * current) - last + (s_chebyshev[0] / 2));
    }
}
