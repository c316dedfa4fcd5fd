using System.Text.Json.Serialization;
using Halftone.Formats;
using Halftone.Numerics;
using Halftone.Ranges;
using Halftone.Statistics;

namespace Halftone.Activations;

/// <summary>Dense levels up to a breakpoint and sparse ones from there to the end of the range (<see cref="PiecewiseLinear"/>).</summary>
/// <remarks>Of b bits a region, as the paper counts them; b + 1 bits a value. Values of one sign have 2^b - 1 steps in either region, others 2^(b-1) - 1 on each side.
/// From: Fang et al. 2020, Post-Training Piecewise Linear Quantization for Deep Neural Networks, arXiv:2002.00104.</remarks>
public sealed record PwlqActivation : IActivationMethod, IDescribed
{
    /// <inheritdoc/>
    public static MethodInfo Info { get; } = new("pwlq", "PWLQ: piecewise linear activations", "Fang et al. 2020, arXiv:2002.00104");

    /// <summary>How the breakpoint is found.</summary>
    public BreakpointSearch Breakpoint { get; init; } = BreakpointSearch.Grid;

    /// <summary>Whether the outer region overlaps the inner one.</summary>
    public bool Overlapping { get; init; }

    /// <summary>Chooses the end of the range.</summary>
    [JsonConverter(typeof(RangeMethodConverter))]
    public IRangeMethod Range { get; init; } = new MinMax();

    /// <inheritdoc/>
    public ActivationQuantizer Choose(TensorStatistics statistics, int bits)
    {
        bits = ActivationBits.Within(bits, 2, 8, Info);
        bool oneSided = statistics.OneSided();
        ClipRange range = Range.Estimate(statistics, new QuantizationGrid(new IntegerGrid(bits, signed: !oneSided), Symmetric: !oneSided));
        double m = Math.Max(-range.Min, range.Max);
        int sign = statistics.Max > 0 ? 1 : -1;
        int n = (1 << (oneSided ? bits : bits - 1)) - 1;
        IEnumerable<double> Levels(double p) => oneSided ? PiecewiseLinear.Side(p, m, n, Overlapping).Select(v => sign * v) : PiecewiseLinear.Levels(p, m, n, Overlapping);
        return LevelLists.Nearest(Levels(m == 0 ? 0 : BreakpointOf(statistics, m, Levels)));
    }

    private double BreakpointOf(TensorStatistics statistics, double m, Func<double, IEnumerable<double>> levels)
    {
        if (Breakpoint is BreakpointSearch.Grid)
        {
            var points = ValuePoints.Of(statistics);
            return m * PiecewiseLinear.Search(share => points.SquaredError(LevelLists.Nearest(levels(share * m)) is var l ? v => l.Quantize((float)v) : null!), Overlapping);
        }

        // values of one sign are half of a distribution around 0
        double deviation = Math.Sqrt(statistics.Variance + (statistics.OneSided() ? statistics.Mean * statistics.Mean : 0));
        return deviation > m * 1e-9 ? deviation * PiecewiseLinear.Breakpoint(m / deviation, Breakpoint, Overlapping) : m / 2;
    }
}
