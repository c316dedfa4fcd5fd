using System.Numerics;

namespace Halftone.Engine.Dense.Elementwise;

/// <summary>tanh, erfc and erf of a vector of floats, within a few units of the last place.</summary>
/// <remarks>The polynomials are Chebyshev fits with 30 digits; their errors are below 2e-10.</remarks>
internal static class VectorFunctions
{
    // tanh(x) / x in x^2, for x^2 to 0.4
    private static ReadOnlySpan<float> TanhSeries => [0.002102294859f, -0.008130431409f, 0.02168013339f, -0.05394252067f, 0.1333316464f, -0.3333332915f, 0.9999999998f];

    // erf(x) / x in x^2, for x^2 to 1
    private static ReadOnlySpan<float> ErfSeries =>
    [
        1.058938064e-6f, -1.390934002e-5f, 0.0001195656257f, -0.0008542637997f, 0.005223783477f, -0.02686613324f, 0.1128379131f, -0.3761263889f, 1.128379167f,
    ];

    // erfc(x) * exp(x^2) / t, t = 2 / (2 + x), in t brought from 1/16..1 to -1..1
    private static ReadOnlySpan<float> ErfcSeries =>
    [
        1.677057379e-6f, -2.968782399e-6f, -9.392380491e-6f, 3.100457724e-5f, 1.206797678e-5f, -0.000196595963f, 0.0001611402889f,
        0.001148812596f, -0.001904932557f, -0.009017835783f, 0.01270032698f, 0.1255894449f, 0.3386720018f, 0.5328152493f,
    ];

    /// <summary>tanh(x): a polynomial near 0, 1 - 2 / (e^2x + 1) elsewhere.</summary>
    public static Vector<float> Tanh(Vector<float> x)
    {
        Vector<float> magnitude = Vector.Abs(x);
        Vector<float> near = x * Polynomial(x * x, TanhSeries);
        Vector<float> far = Vector<float>.One - (new Vector<float>(2) / (Vector.Exp(magnitude + magnitude) + Vector<float>.One));
        return Vector.ConditionalSelect(Vector.LessThan(magnitude, new Vector<float>(0.63f)), near, Vector.CopySign(far, x));
    }

    /// <summary>erf(x): a polynomial below 1, 1 - erfc(x) from there on.</summary>
    public static Vector<float> Erf(Vector<float> x)
    {
        Vector<float> magnitude = Vector.Min(Vector.Abs(x), new Vector<float>(30)); // from 10 on erfc is 0 among floats
        Vector<float> square = magnitude * magnitude;
        Vector<float> near = x * Polynomial(square, ErfSeries);
        Vector<float> far = Vector<float>.One - Erfc(magnitude, square, Vector.FusedMultiplyAdd(magnitude, magnitude, -square));
        return Vector.ConditionalSelect(Vector.LessThan(magnitude, Vector<float>.One), near, Vector.CopySign(far, x));
    }

    /// <summary>x/2 * erfc(-x / sqrt(2)), which is x * (1 - erfc(x / sqrt(2)) / 2) above 0.</summary>
    public static Vector<float> Gelu(Vector<float> x)
    {
        Vector<float> half = new(0.5f);
        Vector<float> magnitude = Vector.Min(Vector.Abs(x), new Vector<float>(30));
        Vector<float> square = magnitude * magnitude;
        Vector<float> rest = Vector.FusedMultiplyAdd(magnitude, magnitude, -square);
        Vector<float> tail = half * Erfc(magnitude * new Vector<float>(0.70710678f), half * square, half * rest);
        return x * Vector.ConditionalSelect(Vector.LessThan(x, Vector<float>.Zero), tail, Vector<float>.One - tail);
    }

    // x of 0 to 30, its square, and what rounding the square lost: exp(-x^2) would make a large error of it
    private static Vector<float> Erfc(Vector<float> x, Vector<float> square, Vector<float> rest)
    {
        Vector<float> t = new Vector<float>(2) / (x + new Vector<float>(2));
        Vector<float> u = (t + t - new Vector<float>(17 / 16f)) * new Vector<float>(16 / 15f);
        return Vector.Exp(-square) * (Vector<float>.One - rest) * t * Polynomial(u, ErfcSeries);
    }

    private static Vector<float> Polynomial(Vector<float> x, ReadOnlySpan<float> highestFirst)
    {
        Vector<float> sum = new(highestFirst[0]);
        foreach (float coefficient in highestFirst[1..])
        {
            sum = Vector.FusedMultiplyAdd(sum, x, new Vector<float>(coefficient));
        }

        return sum;
    }
}
