using System.Collections.Immutable;
using Halftone.Formats;

namespace Halftone.Core.Tests.Formats;

public sealed class GranularityTests
{
    public static Gen<(ImmutableArray<int> Shape, Granularity Granularity)> Any { get; } =
        Gen.Int[1, 5].Array[1, 4].SelectMany(shape => Gen.Select(Gen.Int[0, 2], Gen.Int[0, shape.Length - 1], Gen.Int[1, 6], (kind, axis, size) =>
            (shape.ToImmutableArray(), kind switch { 0 => Granularity.Tensor, 1 => Granularity.Channel(axis), _ => Granularity.Block(axis, size) })));

    [Fact]
    public void The_group_of_an_element_follows_from_its_coordinates() =>
        Any.Sample((shape, granularity) =>
        {
            int[] scales = granularity.ScaleShape(shape.AsSpan());
            int[] expected = [.. Coordinates(shape).Select(at => granularity.Kind switch
            {
                GranularityKind.Tensor => 0,
                GranularityKind.Channel => at[granularity.Axis],
                _ => at.Select((c, axis) => axis == granularity.Axis ? c / granularity.BlockSize : c)
                    .Select((c, axis) => (c, axis)).Aggregate(0, (flat, next) => (flat * scales[next.axis]) + next.c),
            })];
            return Enumerable.Range(0, expected.Length).All(i => granularity.GroupOf(i, shape.AsSpan()) == expected[i])
                && expected.Max() == granularity.GroupCount(shape.AsSpan()) - 1;
        });

    [Fact]
    public void Runs_name_every_element_once_in_order_with_its_group() =>
        Any.Sample((shape, granularity) =>
        {
            int next = 0;
            foreach (GroupRun run in granularity.Runs(shape))
            {
                for (int i = 0; i < run.Length; i++, next++)
                {
                    if (run.Start + i != next || run.Group + (i * run.Step) != granularity.GroupOf(next, shape.AsSpan()))
                    {
                        return false;
                    }
                }
            }

            return next == shape.Aggregate(1, (a, b) => a * b);
        });

    [Fact]
    public void An_empty_tensor_has_no_runs() => Assert.Empty(Granularity.Channel(1).Runs([3, 0, 2]));

    [Fact]
    public void Refuses_an_axis_that_is_not_there() => Assert.Throws<ArgumentException>(() => Granularity.Channel(2).GroupCount([3, 4]));

    private static IEnumerable<int[]> Coordinates(ImmutableArray<int> shape)
    {
        var at = new int[shape.Length];
        do
        {
            yield return [.. at];
        }
        while (Next(at, shape));
    }

    private static bool Next(int[] at, ImmutableArray<int> shape)
    {
        for (int axis = at.Length - 1; axis >= 0; axis--)
        {
            if (++at[axis] < shape[axis])
            {
                return true;
            }

            at[axis] = 0;
        }

        return false;
    }
}
