using Halftone.Numerics;

namespace Halftone.Weights;

/// <summary>What the codes of a grid stand for in steps of the scale, each side from 0 on.</summary>
/// <param name="Positive">0, 1, .. up to Max - zero point.</param>
/// <param name="Negative">0, 1, .. up to zero point - Min.</param>
internal sealed record CodeLevels(double[] Positive, double[] Negative)
{
    /// <summary>Those of a grid with its zero point.</summary>
    public static CodeLevels Of(IntegerGrid codes, int zeroPoint) =>
        new(Count(codes.Max - zeroPoint), Count(zeroPoint - codes.Min));

    private static double[] Count(int last) => [.. Enumerable.Range(0, Math.Max(last, 0) + 1).Select(k => (double)k)];
}
