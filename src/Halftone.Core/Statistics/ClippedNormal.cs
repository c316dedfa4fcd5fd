using Halftone.Numerics;

namespace Halftone.Statistics;

/// <summary>clip(X, Low, High) of a normal X: what a normalized value is behind a ReLU or another bound.</summary>
/// <remarks>
/// With A = (Low - Centre) / Spread, C = (High - Centre) / Spread, phi and Phi the standard normal density and distribution:
/// E = Centre (Phi(C) - Phi(A)) + Spread (phi(A) - phi(C)) + Low Phi(A) + High (1 - Phi(C)).
/// From: Nagel et al. 2019, Data-Free Quantization through Weight Equalization and Bias Correction, arXiv:1906.04721, appendix C.
/// </remarks>
/// <param name="Centre">Mean of X.</param>
/// <param name="Spread">Standard deviation of X, 0 or more.</param>
/// <param name="Low">Lower bound; may be infinite.</param>
/// <param name="High">Upper bound, at least Low; may be infinite.</param>
public readonly record struct ClippedNormal(double Centre, double Spread, double Low = double.NegativeInfinity, double High = double.PositiveInfinity)
{
    /// <summary>E[clip(X)].</summary>
    public double Mean
    {
        get
        {
            if (Spread == 0)
            {
                return Math.Clamp(Centre, Low, High);
            }

            (double a, double c) = (At(Low), At(High));
            return (Centre * (Normal.Cumulative(c) - Normal.Cumulative(a))) + (Spread * (Density(a) - Density(c))) + Weighted(Low, Normal.Cumulative(a)) + Weighted(High, Normal.Cumulative(-c));
        }
    }

    /// <summary>Variance of clip(X).</summary>
    public double Variance
    {
        get
        {
            if (Spread == 0)
            {
                return 0;
            }

            // of X - Centre, so that a far mean takes no digits
            (double a, double c) = (At(Low), At(High));
            double square = Normal.Cumulative(c) - Normal.Cumulative(a) + Weighted(a, Density(a)) - Weighted(c, Density(c)) + Weighted(a * a, Normal.Cumulative(a)) + Weighted(c * c, Normal.Cumulative(-c));
            double mean = Density(a) - Density(c) + Weighted(a, Normal.Cumulative(a)) + Weighted(c, Normal.Cumulative(-c));
            return Math.Max(0, (square - (mean * mean)) * Spread * Spread);
        }
    }

    /// <summary>Probability of a value that is exactly Low.</summary>
    public double AtLow => double.IsNegativeInfinity(Low) ? 0 : Spread == 0 ? (Centre <= Low ? 1 : 0) : Normal.Cumulative(At(Low));

    /// <summary>Probability of a value that is exactly High.</summary>
    public double AtHigh => double.IsPositiveInfinity(High) ? 0 : Spread == 0 ? (Centre >= High ? 1 : 0) : Normal.Cumulative(-At(High));

    /// <summary>From so many deviations below the centre to so many above it, within the bounds.</summary>
    public (double Min, double Max) Range(double deviations) => (Math.Clamp(Centre - (deviations * Spread), Low, High), Math.Clamp(Centre + (deviations * Spread), Low, High));

    /// <summary>Clipped once more.</summary>
    public ClippedNormal Clip(double low, double high) => this with { Low = Math.Clamp(Low, low, high), High = Math.Clamp(High, low, high) };

    private double At(double bound) => (bound - Centre) / Spread;

    private static double Density(double x) => Math.Exp(-x * x / 2) / Math.Sqrt(2 * Math.PI);

    // infinite bounds have no weight
    private static double Weighted(double value, double weight) => weight == 0 || double.IsInfinity(value) ? 0 : value * weight;
}
