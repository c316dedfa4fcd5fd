using System.Numerics;

namespace Halftone.Engine.Dense.Elementwise;

/// <summary>Functions that would cancel near 0, computed in double as Kahan showed: the error of a rounded 1 + x divides out.</summary>
internal static class NearZero
{
    /// <summary>e^x - 1.</summary>
    public static T ExpM1<T>(T x)
        where T : INumber<T>
    {
        double wide = double.CreateTruncating(x);
        double power = Math.Exp(wide);
        return power == 1 ? x : T.CreateTruncating(Math.Abs(wide) > 1 ? power - 1 : (power - 1) * wide / Math.Log(power));
    }

    /// <summary>log(1 + x).</summary>
    public static T LogP1<T>(T x)
        where T : INumber<T>
    {
        double wide = double.CreateTruncating(x);
        double one = 1 + wide;
        return one == 1 ? x : T.CreateTruncating(Math.Abs(wide) > 1 ? Math.Log(one) : Math.Log(one) * wide / (one - 1));
    }
}
