using System.Collections.Immutable;
using System.Numerics.Tensors;

namespace Halftone.Formats;

/// <summary>Least and greatest value of each group of a tensor; 0 for a group without elements.</summary>
/// <param name="Min">One a group.</param>
/// <param name="Max">One a group.</param>
public sealed record GroupExtremes(float[] Min, float[] Max)
{
    /// <summary>Those of a tensor.</summary>
    /// <exception cref="ArgumentException">A value is not finite; the message names its index.</exception>
    public static GroupExtremes Of(ReadOnlySpan<float> values, ImmutableArray<int> shape, Granularity granularity)
    {
        RequireFinite(values);
        int groups = granularity.GroupCount(shape.AsSpan());
        var min = new float[groups];
        var max = new float[groups];
        Array.Fill(min, float.PositiveInfinity);
        Array.Fill(max, float.NegativeInfinity);
        foreach (GroupRun run in granularity.Runs(shape))
        {
            ReadOnlySpan<float> part = values.Slice(run.Start, run.Length);
            if (run.Step == 0)
            {
                min[run.Group] = Math.Min(min[run.Group], TensorPrimitives.Min(part));
                max[run.Group] = Math.Max(max[run.Group], TensorPrimitives.Max(part));
            }
            else
            {
                Span<float> low = min.AsSpan(run.Group, run.Length);
                Span<float> high = max.AsSpan(run.Group, run.Length);
                TensorPrimitives.Min(low, part, low);
                TensorPrimitives.Max(high, part, high);
            }
        }

        min.AsSpan().Replace(float.PositiveInfinity, 0);
        max.AsSpan().Replace(float.NegativeInfinity, 0);
        return new(min, max);
    }

    /// <exception cref="ArgumentException">A value is not finite; the message names its index.</exception>
    internal static void RequireFinite(ReadOnlySpan<float> values)
    {
        for (int i = 0; i < values.Length; i++)
        {
            if (!float.IsFinite(values[i]))
            {
                throw new ArgumentException($"The value at index {i} is {values[i]}: only finite values can be quantized.", nameof(values));
            }
        }
    }
}
