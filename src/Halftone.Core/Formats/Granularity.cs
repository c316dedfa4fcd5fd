using System.Collections.Immutable;

namespace Halftone.Formats;

/// <summary>Which elements of a tensor share a scale.</summary>
public enum GranularityKind
{
    /// <summary>All tensors of a network.</summary>
    Network,

    /// <summary>All elements of a tensor.</summary>
    Tensor,

    /// <summary>The elements at one index of an axis.</summary>
    Channel,

    /// <summary>Runs of elements along an axis, apart for every index of the others.</summary>
    Block,
}

/// <summary>Neighbouring elements of a tensor of which the groups are known without a division: element Start + i is in group Group + i * Step.</summary>
/// <param name="Start">Row-major index of the first element.</param>
/// <param name="Length">Number of elements.</param>
/// <param name="Group">Group of the first element.</param>
/// <param name="Step">0 where all are in one group, 1 where each is in the next.</param>
public readonly record struct GroupRun(int Start, int Length, int Group, int Step);

/// <summary>Which elements share a scale, and along which axis of the tensor that is decided.</summary>
/// <remarks>The number of groups and the group of an element follow from it and the shape alone.</remarks>
public readonly record struct Granularity
{
    private Granularity(GranularityKind kind, int axis, int blockSize) => (Kind, Axis, BlockSize) = (kind, axis, blockSize);

    /// <summary>One scale for all tensors of the network; within a tensor the same as <see cref="Tensor"/>.</summary>
    public static Granularity Network { get; } = new(GranularityKind.Network, -1, 0);

    /// <summary>One scale for the tensor.</summary>
    public static Granularity Tensor { get; } = new(GranularityKind.Tensor, -1, 0);

    /// <summary>Which kind.</summary>
    public GranularityKind Kind { get; }

    /// <summary>The axis of <see cref="GranularityKind.Channel"/> and <see cref="GranularityKind.Block"/>; else -1.</summary>
    public int Axis { get; }

    /// <summary>Elements in a block; 0 for other kinds.</summary>
    public int BlockSize { get; }

    /// <summary>One scale for each index of an axis.</summary>
    public static Granularity Channel(int axis)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(axis);
        return new(GranularityKind.Channel, axis, 0);
    }

    /// <summary>One scale for each run of <paramref name="size"/> elements along an axis; the last run may be shorter.</summary>
    public static Granularity Block(int axis, int size)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(axis);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(size);
        return new(GranularityKind.Block, axis, size);
    }

    /// <summary>The shape of the scales: scalar, [channels], or the tensor's with its axis divided by the block size.</summary>
    public int[] ScaleShape(ReadOnlySpan<int> shape)
    {
        switch (Kind)
        {
            case GranularityKind.Channel:
                RequireAxis(shape.Length);
                return [shape[Axis]];
            case GranularityKind.Block:
                RequireAxis(shape.Length);
                int[] scales = shape.ToArray();
                scales[Axis] = (scales[Axis] + BlockSize - 1) / BlockSize;
                return scales;
            default:
                return [];
        }
    }

    /// <summary>Number of groups in a tensor of that shape.</summary>
    public int GroupCount(ReadOnlySpan<int> shape)
    {
        int count = 1;
        foreach (int length in ScaleShape(shape))
        {
            count = checked(count * length);
        }

        return count;
    }

    /// <summary>The group of the element at a row-major index.</summary>
    public int GroupOf(int element, ReadOnlySpan<int> shape)
    {
        if (Kind is GranularityKind.Network or GranularityKind.Tensor)
        {
            return 0;
        }

        int inner = 1;
        for (int axis = Axis + 1; axis < shape.Length; axis++)
        {
            inner *= shape[axis];
        }

        int length = shape[Axis];
        int index = element / inner % length;
        if (Kind is GranularityKind.Channel)
        {
            return index;
        }

        int blocks = (length + BlockSize - 1) / BlockSize;
        int outer = element / inner / length;
        return (((outer * blocks) + (index / BlockSize)) * inner) + (element % inner);
    }

    /// <summary>The elements of a tensor in order, in runs; what <see cref="GroupOf"/> says of each element, but fast.</summary>
    public IEnumerable<GroupRun> Runs(ImmutableArray<int> shape)
    {
        int count = shape.Aggregate(1, (product, length) => product * length);
        if (count == 0)
        {
            yield break;
        }

        if (Kind is GranularityKind.Network or GranularityKind.Tensor)
        {
            yield return new(0, count, 0, 0);
            yield break;
        }

        int length = shape[Axis];
        int inner = 1;
        for (int axis = Axis + 1; axis < shape.Length; axis++)
        {
            inner *= shape[axis];
        }

        int outer = count / length / inner;
        for (int o = 0; o < outer; o++)
        {
            foreach (GroupRun run in Kind is GranularityKind.Channel ? ChannelRuns(length, inner) : BlockRuns(o, length, inner))
            {
                yield return run with { Start = run.Start + (o * length * inner) };
            }
        }
    }

    private static IEnumerable<GroupRun> ChannelRuns(int length, int inner)
    {
        if (inner == 1)
        {
            yield return new(0, length, 0, 1);
            yield break;
        }

        for (int i = 0; i < length; i++)
        {
            yield return new(i * inner, inner, i, 0);
        }
    }

    private IEnumerable<GroupRun> BlockRuns(int outer, int length, int inner)
    {
        int blocks = (length + BlockSize - 1) / BlockSize;
        int first = outer * blocks;
        if (inner == 1)
        {
            for (int b = 0; b < blocks; b++)
            {
                int start = b * BlockSize;
                yield return new(start, Math.Min(BlockSize, length - start), first + b, 0);
            }

            yield break;
        }

        for (int i = 0; i < length; i++)
        {
            yield return new(i * inner, inner, (first + (i / BlockSize)) * inner, 1);
        }
    }

    private void RequireAxis(int rank)
    {
        if (Axis >= rank)
        {
            throw new ArgumentException($"There is no axis {Axis} in a tensor of {rank} axes.");
        }
    }
}
