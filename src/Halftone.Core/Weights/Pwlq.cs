using Halftone.Formats;
using Halftone.Numerics;
using Halftone.Statistics;

namespace Halftone.Weights;

/// <summary>Dense levels in the middle of each group and sparse ones in its tails, as many of either (<see cref="PiecewiseLinear"/>).</summary>
/// <remarks>From: Fang, Shafiee, Abdel-Aziz, Thorsley, Georgiadis, Hassoun 2020, Post-Training Piecewise Linear Quantization for Deep Neural Networks, arXiv:2002.00104, section 3. The target's b bits are those of each
/// region, as the paper counts them; b + 1 are stored, b + 2 with two or three <see cref="Breakpoints"/>.</remarks>
public sealed record Pwlq : IWeightMethod, IDescribed
{
    /// <inheritdoc/>
    public static MethodInfo Info { get; } = new("pwlq", "PWLQ: piecewise linear weights", "Fang et al. 2020, arXiv:2002.00104");

    /// <summary>How the breakpoint is found.</summary>
    public BreakpointSearch Breakpoint { get; init; }

    /// <summary>How many breakpoints, 1 to 3; more than one are solved for a distribution.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside 1 to 3.</exception>
    public int Breakpoints
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 1);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(value, 3);
            field = value;
        }
    } = 1;

    /// <summary>Whether the outer region overlaps the inner one; the paper's comparison, which errs more.</summary>
    public bool Overlapping { get; init; }

    /// <inheritdoc/>
    public QuantizedTensor Quantize(WeightView weight, WeightTarget target, LayerStatistics statistics, CancellationToken cancel = default)
    {
        cancel.ThrowIfCancellationRequested();
        int n = (1 << (target.BitsWithin(2, 8, Info) - 1)) - 1;
        int size = (2 * (Breakpoints + 1) * n) + 1;
        if (Breakpoints > 1 && (Overlapping || Breakpoint is not (BreakpointSearch.Gauss or BreakpointSearch.Laplace)))
        {
            throw new ArgumentException("'pwlq' solves several breakpoints for regions that do not overlap and the distributions 'Gauss' and 'Laplace' alone.");
        }

        var values = new GroupedValues(weight, target.Granularity);
        var indices = new int[weight.Values.Length];
        var codewords = new float[size * values.Count];
        values.ForEach(
            g =>
            {
                double m = Math.Max(-(double)values.Extremes.Min[g], values.Extremes.Max[g]);
                double[] levels = PiecewiseLinear.Levels(BreakpointsOf(values, g, m, n), m, n, Overlapping);
                for (int k = 0; k < size; k++)
                {
                    codewords[(g * size) + k] = (float)levels[k];
                }

                double[] borders = Borders(levels);
                for (int i = 0; i < values[g].Length; i++)
                {
                    indices[values.Elements(g)[i]] = Index(borders, values[g][i], size / 2);
                }
            },
            cancel);
        return new CodebookTensor(weight.Shape, 1, size, [.. codewords], indices, target.Granularity);
    }

    private double[] BreakpointsOf(GroupedValues values, int g, double m, int n)
    {
        if (m == 0)
        {
            return new double[Breakpoints];
        }

        if (Breakpoint is BreakpointSearch.Grid)
        {
            return [m * PiecewiseLinear.Search(share => SquaredError(values[g], PiecewiseLinear.Levels([share * m], m, n, Overlapping)), Overlapping)];
        }

        double deviation = Math.Sqrt(Moments.Of(values[g]).Variance);
        if (deviation <= m * 1e-9)
        {
            return [.. Enumerable.Range(1, Breakpoints).Select(k => m * k / (Breakpoints + 1))];
        }

        double[] inDeviations = Breakpoints == 1
            ? [PiecewiseLinear.Breakpoint(m / deviation, Breakpoint, Overlapping)]
            : PiecewiseLinear.Breakpoints(m / deviation, Breakpoints, Breakpoint is BreakpointSearch.Gauss);
        return [.. inDeviations.Select(p => p * deviation)];
    }

    private static double SquaredError(ReadOnlySpan<float> values, double[] levels)
    {
        double[] borders = Borders(levels);
        double sum = 0;
        foreach (float v in values)
        {
            double apart = v - levels[Index(borders, v, levels.Length / 2)];
            sum += apart * apart;
        }

        return sum;
    }

    private static double[] Borders(double[] levels) => [.. levels.Zip(levels.Skip(1), (low, high) => (low + high) / 2)];

    // levels below zero mirror those above, and so do the ties
    private static int Index(double[] borders, double value, int middle)
    {
        if (value < 0)
        {
            return (2 * middle) - Index(borders, -value, middle);
        }

        int at = Array.BinarySearch(borders, value);
        return at < 0 ? ~at : at;
    }
}
