using Halftone.Formats;
using Halftone.Numerics;

namespace Halftone.Weights;

/// <summary>A term added to a weight's first one, in some of its groups: the nearest codes of what the terms before it leave.</summary>
internal static class FurtherTerm
{
    /// <summary>The term.</summary>
    /// <param name="weight">The weight.</param>
    /// <param name="codes">Of the term, symmetric around their middle.</param>
    /// <param name="granularity">Its groups.</param>
    /// <param name="before">The value of the terms before it.</param>
    /// <param name="scales">One a group; 0 where the group has no such term: its codes are zeros of 0 bits, its scale stays, to say so.</param>
    public static AffineTensor Of(WeightView weight, IntegerGrid codes, Granularity granularity, ReadOnlySpan<float> before, double[] scales)
    {
        int zero = AffineParameters.FromRange(-1, 1, codes, symmetric: true).ZeroPoint;
        ReadOnlySpan<float> values = weight.Values.Span;
        var chosen = new int[values.Length];
        foreach (GroupRun run in granularity.Runs(weight.Shape))
        {
            for (int i = 0; i < run.Length; i++)
            {
                int element = run.Start + i;
                double scale = scales[run.Group + (i * run.Step)];
                chosen[element] = scale > 0 ? new AffineParameters((float)scale, zero).Quantize(values[element] - before[element], codes) : zero;
            }
        }

        return new AffineTensor(
            weight.Shape, granularity, codes, chosen, [.. scales.Select(s => s > 0 ? (float)s : 1)], [.. scales.Select(_ => zero)],
            bits: [.. scales.Select(s => s > 0 ? (byte)codes.Bits : (byte)0)]);
    }
}
