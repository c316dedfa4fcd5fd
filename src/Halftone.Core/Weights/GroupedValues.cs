using System.Collections.Immutable;
using Halftone.Formats;

namespace Halftone.Weights;

/// <summary>The values of a tensor, those of a group side by side.</summary>
/// <param name="Values">Group after group; within a group in row-major order.</param>
/// <param name="Starts">Where each group starts, and the end of the last.</param>
internal sealed record GroupedValues(float[] Values, int[] Starts)
{
    public int Groups => Starts.Length - 1;

    public static GroupedValues Of(ReadOnlySpan<float> values, ImmutableArray<int> shape, Granularity granularity)
    {
        int groups = granularity.GroupCount(shape.AsSpan());
        var starts = new int[groups + 1];
        foreach (GroupRun run in granularity.Runs(shape))
        {
            for (int i = 0; i < run.Length; i++)
            {
                starts[run.Group + (i * run.Step) + 1]++;
            }
        }

        for (int g = 0; g < groups; g++)
        {
            starts[g + 1] += starts[g];
        }

        int[] next = [.. starts];
        var sorted = new float[values.Length];
        foreach (GroupRun run in granularity.Runs(shape))
        {
            for (int i = 0; i < run.Length; i++)
            {
                sorted[next[run.Group + (i * run.Step)]++] = values[run.Start + i];
            }
        }

        return new(sorted, starts);
    }

    public Span<float> Group(int group) => Values.AsSpan(Starts[group]..Starts[group + 1]);
}
