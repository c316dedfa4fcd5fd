using System.Collections.Immutable;
using Halftone.Formats;

namespace Halftone.Weights;

/// <summary>The values of a weight with those of a group side by side.</summary>
internal sealed class GroupedValues
{
    private readonly float[] _values;
    private readonly int[] _elements;
    private readonly int[] _starts;

    /// <inheritdoc cref="GroupedValues(ReadOnlySpan{float}, ImmutableArray{int}, Granularity)"/>
    public GroupedValues(WeightView weight, Granularity granularity)
        : this(weight.Values.Span, weight.Shape, granularity)
    {
    }

    /// <summary>Sorts them by group; within a group they stay in order.</summary>
    /// <exception cref="ArgumentException">A value is not finite; the message names its index.</exception>
    public GroupedValues(ReadOnlySpan<float> values, ImmutableArray<int> shape, Granularity granularity)
    {
        Extremes = GroupExtremes.Of(values, shape, granularity);
        _starts = new int[Extremes.Min.Length + 1];
        foreach (GroupRun run in granularity.Runs(shape))
        {
            for (int i = 0; i < run.Length; i++)
            {
                _starts[run.Group + (i * run.Step) + 1]++;
            }
        }

        for (int g = 0; g < Count; g++)
        {
            _starts[g + 1] += _starts[g];
        }

        int[] next = [.. _starts];
        _values = new float[values.Length];
        _elements = new int[values.Length];
        foreach (GroupRun run in granularity.Runs(shape))
        {
            for (int i = 0; i < run.Length; i++)
            {
                int place = next[run.Group + (i * run.Step)]++;
                (_values[place], _elements[place]) = (values[run.Start + i], run.Start + i);
            }
        }
    }

    /// <summary>Least and greatest of each group.</summary>
    public GroupExtremes Extremes { get; }

    /// <summary>Number of groups.</summary>
    public int Count => _starts.Length - 1;

    /// <summary>The values of a group.</summary>
    public ReadOnlySpan<float> this[int group] => _values.AsSpan(_starts[group].._starts[group + 1]);

    /// <summary>Where they stand in the weight, row-major.</summary>
    public ReadOnlySpan<int> Elements(int group) => _elements.AsSpan(_starts[group].._starts[group + 1]);

    /// <summary>Does something for each group, in parallel.</summary>
    public void ForEach(Action<int> action, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        Parallel.For(0, Count, new ParallelOptions { CancellationToken = cancel }, action);
    }
}
