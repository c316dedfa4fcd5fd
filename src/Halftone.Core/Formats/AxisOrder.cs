using System.Collections.Immutable;

namespace Halftone.Formats;

/// <summary>Axes of a tensor in another order: position p of the reordered tensor, row-major, is element Element(p) of the tensor itself.</summary>
internal readonly struct AxisOrder
{
    private readonly int[] _lengths;
    private readonly int[] _steps;

    /// <exception cref="ArgumentException">The order does not name each axis once.</exception>
    public AxisOrder(ImmutableArray<int> shape, ImmutableArray<int> order)
    {
        if (!order.Order().SequenceEqual(Enumerable.Range(0, shape.Length)))
        {
            throw new ArgumentException($"The order [{string.Join(", ", order)}] does not name each of {shape.Length} axes once.", nameof(order));
        }

        var steps = new int[shape.Length];
        int step = 1;
        for (int axis = shape.Length - 1; axis >= 0; axis--)
        {
            steps[axis] = step;
            step *= shape[axis];
        }

        _lengths = [.. order.Select(axis => shape[axis])];
        _steps = [.. order.Select(axis => steps[axis])];
    }

    /// <summary>The axes as they are.</summary>
    public static ImmutableArray<int> Identity(int rank) => [.. Enumerable.Range(0, rank)];

    /// <summary>Row-major index in the tensor.</summary>
    public int Element(int position)
    {
        int element = 0;
        for (int axis = _lengths.Length - 1; axis > 0; axis--)
        {
            (position, int index) = Math.DivRem(position, _lengths[axis]);
            element += index * _steps[axis];
        }

        return _lengths.Length == 0 ? 0 : element + (position * _steps[0]);
    }
}
