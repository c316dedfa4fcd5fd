using System.Collections.Immutable;
using Halftone.Engine.Dense;
using Halftone.Onnx;

namespace Halftone.Engine.Tests.Dense;

/// <summary>Whatever a model says, it is computed within bounds or refused in a sentence.</summary>
public sealed unsafe class HostileTests
{
    private static readonly Tensor s_x = Tensor.Of([1f, 2, 3, 4, 5, 6], 2, 3);

    public static TheoryData<string, Node, Tensor[]> Refused => new()
    {
        { "an index outside", new("n", "Gather", ["x", "i"], ["y"]), [s_x, Longs(2)] },
        { "an index below", new("n", "GatherElements", ["x", "i"], ["y"]), [s_x, Tensor.Of([-3L], 1, 1)] },
        { "a tuple outside", new("n", "GatherND", ["x", "i"], ["y"]), [s_x, Longs(0, 3)] },
        { "an index to replace outside", new("n", "ScatterElements", ["x", "i", "u"], ["y"]), [s_x, Tensor.Of([2L], 1, 1), Tensor.Of([1f], 1, 1)] },
        { "a tuple to replace outside", new("n", "ScatterND", ["x", "i", "u"], ["y"]), [s_x, Tensor.Of([0L, 3], 1, 2), Tensor.Of([1f], 1)] },
        { "float indices", new("n", "Gather", ["x", "i"], ["y"]), [s_x, Tensor.Of([0f], 1)] },
        { "an axis outside", new Node("n", "Concat", ["x", "x"], ["y"]).With("axis", 2), [s_x, s_x] },
        { "lengths that do not join", new Node("n", "Concat", ["x", "z"], ["y"]).With("axis", 0), [s_x, Tensor.Of([1f], 1, 1)] },
        { "types that do not join", new Node("n", "Concat", ["x", "z"], ["y"]).With("axis", 0), [s_x, Tensor.Of([1, 2, 3], 1, 3)] },
        { "another number of elements", new("n", "Reshape", ["x", "s"], ["y"]), [s_x, Longs(4, 2)] },
        { "two free lengths", new("n", "Reshape", ["x", "s"], ["y"]), [s_x, Longs(-1, -1)] },
        { "lengths that overflow", new("n", "Reshape", ["x", "s"], ["y"]), [s_x, Longs(1L << 32, 1L << 32)] },
        { "too many repeats", new("n", "Tile", ["x", "r"], ["y"]), [s_x, Longs(1 << 20, 1 << 20)] },
        { "negative repeats", new("n", "Tile", ["x", "r"], ["y"]), [s_x, Longs(-1, -1)] },
        { "an expansion beyond memory", new("n", "Expand", ["x", "s"], ["y"]), [s_x, Longs(1 << 30, 2, 3)] },
        { "a shape beyond memory", new("n", "ConstantOfShape", ["s"], ["y"]), [Longs(long.MaxValue, long.MaxValue)] },
        { "a range without end", new("n", "Range", ["a", "b", "c"], ["y"]), [Tensor.Scalar(0L), Tensor.Scalar(long.MaxValue), Tensor.Scalar(1L)] },
        { "a range that stands still", new("n", "Range", ["a", "b", "c"], ["y"]), [Tensor.Scalar(0f), Tensor.Scalar(1f), Tensor.Scalar(0f)] },
        { "a step of 0", new("n", "Slice", ["x", "s", "e", "a", "t"], ["y"]), [s_x, Longs(0), Longs(1), Longs(0), Longs(0)] },
        { "more cut than there is", new("n", "Pad", ["x", "p"], ["y"]), [s_x, Longs(0, -4, 0, 0)] },
        { "pads beyond memory", new("n", "Pad", ["x", "p"], ["y"]), [s_x, Longs(long.MaxValue, 0, 0, 0)] },
        { "an order that names an axis twice", new Node("n", "Transpose", ["x"], ["y"]).With("perm", [0, 0]), [s_x] },
        { "a length that does not divide", new("n", "Split", ["x"], ["y", "z", "w", "v"]), [s_x] },
        { "lengths that do not broadcast", new("n", "Add", ["x", "z"], ["y"]), [s_x, Tensor.Of([1f, 2], 2)] },
        { "two types", new("n", "Add", ["x", "z"], ["y"]), [s_x, Tensor.Of([1.0], 1)] },
        { "logic of floats", new("n", "And", ["x", "x"], ["y"]), [s_x, s_x] },
        { "an input left out", new("n", "Add", ["x"], ["y"]), [s_x] },
        { "an unknown type to cast to", new Node("n", "Cast", ["x"], ["y"]).With("to", 99), [s_x] },
        { "an axis named twice", new Node("n", "ReduceSum", ["x", "a"], ["y"]), [s_x, Longs(0, -2)] },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public void It_is_refused(string what, Node node, Tensor[] inputs)
    {
        ModelException error = Assert.Throws<ModelException>(() => DenseRun.Compute(node, 22, inputs));
        Assert.Contains("'n'", error.Message);
        Assert.NotEmpty(what);
    }

    [Theory]
    [InlineData("Gather", 1)]
    [InlineData("GatherElements", 2)]
    [InlineData("GatherND", 2)]
    public void Indices_of_run_time_stay_inside(string op, int rank)
    {
        long[] dims = rank == 1 ? [4] : [2, 2];
        var indices = Tensor.Of([long.MaxValue, long.MinValue, -1, 7], dims);
        ImmutableArray<TensorType?> types = [new TensorType(ElementType.Float, [2, 3]), new TensorType(ElementType.Int64, [.. dims.Select(d => (int)d)])];
        DensePlan plan = DenseOperators.All[op](new DenseRequest(new Node("n", op, ["x", "i"], ["y"]), 22, types, [null, null]));
        byte[] output = GC.AllocateArray<byte>((int)plan.Outputs[0].Bytes, pinned: true);
        DenseRun.Run(plan, [s_x, indices], [output], 1);
        Assert.All(System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(output).ToArray(), v => Assert.InRange(v, 1, 6));
    }

    [Fact]
    public void Run_time_indices_along_nothing_are_refused()
    {
        ImmutableArray<TensorType?> types = [new TensorType(ElementType.Float, [2, 0]), new TensorType(ElementType.Int64, [1, 2])];
        DenseRequest request = new(new Node("n", "GatherND", ["x", "i"], ["y"]), 22, types, [null, null]);
        Assert.Throws<ModelException>(() => DenseOperators.All["GatherND"](request));
    }

    [Theory]
    [InlineData("Div", new[] { 0, int.MinValue, 0, -3 })]
    [InlineData("Mod", new[] { 0, 0, 0, 1 })]
    public void Integers_without_a_quotient_do_not_end_the_process(string op, int[] expected)
    {
        Tensor y = DenseRun.Compute(new Node("n", op, ["a", "b"], ["y"]), 22, [Tensor.Of([5, int.MinValue, 0, 7], 4), Tensor.Of([0, -1, 0, op == "Div" ? -2 : 2], 4)])[0];
        Assert.Equal(expected, y.As<int>().ToArray());
    }

    [Fact]
    public void The_lowest_integer_has_no_magnitude() =>
        Assert.Equal([int.MinValue, 3], DenseRun.Compute(new Node("n", "Abs", ["x"], ["y"]), 22, [Tensor.Of([int.MinValue, -3], 2)])[0].As<int>().ToArray());

    [Fact]
    public void Empty_values_pass_through()
    {
        Tensor none = Tensor.Of<float>([], 0, 3);
        Assert.Equal([0, 3], DenseRun.Compute(new Node("n", "Add", ["x", "z"], ["y"]), 22, [none, Tensor.Of([1f], 1)])[0].Dims.AsSpan());
        Assert.Equal([2, 3], DenseRun.Compute(new Node("n", "Concat", ["x", "z"], ["y"]).With("axis", 0), 22, [none, s_x])[0].Dims.AsSpan());
        Assert.Equal([2, 0], DenseRun.Compute(new Node("n", "Pad", ["x", "p"], ["y"]), 22, [s_x, Longs(0, -2, 0, -1)])[0].Dims.AsSpan());
        Assert.Equal([3, 0], DenseRun.Compute(new Node("n", "Transpose", ["x"], ["y"]), 22, [none])[0].Dims.AsSpan());
        Assert.Equal([0f, 0, 0], DenseRun.Compute(new Node("n", "ReduceSum", ["x", "a"], ["y"]), 22, [none, Longs(0)])[0].ToFloats());
        Assert.Equal([0, 3], DenseRun.Compute(new Node("n", "Slice", ["x", "s", "e", "a", "t"], ["y"]), 22, [none, Longs(5), Longs(-9), Longs(0), Longs(-1)])[0].Dims.AsSpan());
    }

    [Fact]
    public void Many_axes_of_no_length_take_no_stack()
    {
        Tensor none = Tensor.Of<float>([], [.. Enumerable.Repeat(0L, 4_000_000)]);
        Assert.Equal(0, DenseRun.Compute(new Node("n", "Add", ["x", "z"], ["y"]), 22, [none, Tensor.Of([1f], 1)])[0].Count);
    }

    [Fact]
    public void Tuples_into_nothing_gather_nothing() =>
        Assert.Equal([2, 0], DenseRun.Compute(new Node("n", "GatherND", ["x", "i"], ["y"]), 22, [Tensor.Of<float>([], 0, 0), Tensor.Of([5L, -7], 2, 1)])[0].Dims.AsSpan());

    private static Tensor Longs(params long[] values) => Tensor.Of(values, values.Length);
}
