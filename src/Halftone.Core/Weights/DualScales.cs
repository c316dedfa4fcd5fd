using Halftone.Numerics;

namespace Halftone.Weights;

/// <summary>Two scales whose codes together err least: t ~ s1 q1 + s2 q2, q1 nearest to t / s1, q2 nearest to what is left (Choukroun et al. 2019, arXiv:1902.06822, section 3.2).</summary>
/// <remarks>The first scale runs over <see cref="Shares"/> shares between the best single scale and that at which nothing is clipped and a step more, and then finer around the best;
/// the second is exact for each. The single scale with its residual is tried first, so that no pair errs more than the two found one after the other.</remarks>
internal static class DualScales
{
    private const int Shares = 48;

    /// <summary>Both scales; the second 0 where one alone errs nothing or no second one helps.</summary>
    /// <param name="values">t.</param>
    /// <param name="levels">Of either term.</param>
    /// <param name="single">The best scale of one term.</param>
    /// <param name="singleError">Its squared error.</param>
    public static (double First, double Second) Best(ReadOnlySpan<float> values, CodeLevels levels, double single, double singleError)
    {
        (double First, double Second) best = (single, 0);
        double least = singleError;
        var rest = new float[values.Length];
        double greatest = 0;
        foreach (float v in values)
        {
            greatest = Math.Max(greatest, Math.Abs((double)v));
        }

        double top = Math.Max(Math.Max(levels.Positive[^1], levels.Negative[^1]), 1);
        double widest = Math.Max(1.25 * greatest / top, 1.5 * single);
        Try(values, levels, single, rest, ref best, ref least);
        for (int k = 0; k <= Shares; k++)
        {
            Try(values, levels, single * Math.Pow(widest / single, (double)k / Shares), rest, ref best, ref least);
        }

        double step = Math.Pow(widest / single, 1.0 / Shares) - 1;
        for (int halving = 0; halving < 6; halving++, step /= 2)
        {
            double around = best.First;
            Try(values, levels, around * (1 - (step / 2)), rest, ref best, ref least);
            Try(values, levels, around * (1 + (step / 2)), rest, ref best, ref least);
        }

        return best;
    }

    private static void Try(ReadOnlySpan<float> values, CodeLevels levels, double first, float[] rest, ref (double, double) best, ref double least)
    {
        var scale = (float)first;
        if (!float.IsNormal(scale))
        {
            return;
        }

        (double low, double high) = (-levels.Negative[^1], levels.Positive[^1]);
        for (int i = 0; i < rest.Length; i++)
        {
            rest[i] = values[i] - (float)(Math.Clamp(Rounding.NearestEven(values[i] / scale), low, high) * scale);
        }

        ScaleFit second = ScaleProjection.Best(rest, levels.Positive, levels.Negative);
        if (second.SquaredError < least)
        {
            (best, least) = ((first, second.Scale), second.SquaredError);
        }
    }
}
