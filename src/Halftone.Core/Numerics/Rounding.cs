namespace Halftone.Numerics;

/// <summary>Rounding to integers, defined once for the whole solution. Ties go to even everywhere, as ONNX asks.</summary>
public static class Rounding
{
    /// <summary>The nearest integer; ties to even.</summary>
    public static double NearestEven(double value) => Math.Round(value, MidpointRounding.ToEven);

    /// <summary>The nearest integer; ties to even.</summary>
    public static float NearestEven(float value) => MathF.Round(value, MidpointRounding.ToEven);

    /// <summary>floor(v) + [u &lt; v - floor(v)], which is v on average (Gupta et al. 2015, arXiv:1502.02551, section 3.1).</summary>
    /// <param name="value">v.</param>
    /// <param name="uniform">u, uniform in [0, 1).</param>
    public static double Stochastic(double value, double uniform)
    {
        double floor = Math.Floor(value);
        return uniform < value - floor ? floor + 1 : floor;
    }
}
