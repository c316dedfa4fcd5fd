using Halftone.Onnx.Passes;
using Halftone.Onnx.Tests.Targets;
using Microsoft.ML.OnnxRuntime;

namespace Halftone.Onnx.Tests.Passes;

/// <summary>What constant folding computes is what ONNX Runtime computes, bit for bit; what it cannot compute stays a node.</summary>
public sealed class ConstantOperatorsTests
{
    private static readonly Gen<long[]> s_dims = Gen.Long[1, 4].Array[0, 4];
    private static readonly Gen<long> s_index = Gen.Frequency((8, Gen.Long[-5, 5]), (1, Gen.OneOf(Gen.Const(long.MaxValue), Gen.Const(long.MinValue), Gen.Const((long)int.MaxValue), Gen.Const((long)int.MinValue))));

    [Fact]
    public void Slice_with_any_bounds_and_steps() => Gen.Select(s_dims, Gen.Int[1, 3], s_index.Array[12], Gen.Int[0, 2]).Sample((dims, count, numbers, inputs) =>
    {
        long[] Part(int i) => [.. numbers.Skip(i * 3).Take(count)];
        Tensor[] x = [Ramp(dims), Vector(Part(0)), Vector(Part(1)), Vector(Part(2)), Vector(Part(3))];
        AssertAsOnnxRuntime(new Node("n", "Slice", [], []), x[..(3 + inputs)]);
    }, iter: 1500, threads: 1);

    [Fact]
    public void Reshape_with_any_lengths() => Gen.Select(s_dims, Gen.Long[-1, 6].Array[0, 4], Gen.Bool).Sample((dims, shape, allowZero) =>
        AssertAsOnnxRuntime(new Node("n", "Reshape", [], []).With("allowzero", allowZero ? 1 : 0), Ramp(dims), Vector(shape)), iter: 1000, threads: 1);

    [Fact]
    public void Transpose_Squeeze_and_Unsqueeze() => Gen.Select(s_dims, Gen.Long[-5, 5].Array[0, 4], Gen.Int[0, 3]).Sample((dims, axes, kind) =>
    {
        Node node = new("n", kind < 2 ? "Transpose" : kind == 2 ? "Squeeze" : "Unsqueeze", [], []);
        long[] order = [.. Enumerable.Range(0, dims.Length).OrderBy(i => axes.ElementAtOrDefault(i)).Select(i => (long)i)];
        AssertAsOnnxRuntime(kind == 1 ? node.With("perm", order) : node, kind < 2 ? [Ramp(dims)] : [Ramp(dims), Vector(axes)]);
    }, iter: 1000, threads: 1);

    [Fact]
    public void Concat_and_Gather() => Gen.Select(s_dims, s_dims, Gen.Int[-4, 4], Gen.Bool, Gen.Bool).Sample((dims, other, axis, like, integers) =>
    {
        if (like)
        {
            // lengths that agree but along the axis
            int at = axis < 0 ? axis + dims.Length : axis;
            other = [.. dims.Select((d, i) => i == at ? d + 1 : d)];
        }

        Tensor x = integers ? Tensor.Of(Ramp(dims).ToFloats().Select(v => (long)v).ToArray(), dims) : Ramp(dims);
        Tensor y = integers ? Tensor.Of(Ramp(other).ToFloats().Select(v => (long)v).ToArray(), other) : Ramp(other);
        AssertAsOnnxRuntime(new Node("n", "Concat", [], []).With("axis", axis), x, y, x);
        Tensor indices = Tensor.Of(Ramp(other).ToFloats().Select(v => ((long)v % 7) - 3).ToArray(), other);
        AssertAsOnnxRuntime(new Node("n", "Gather", [], []), x, indices);
    }, iter: 1000, threads: 1);

    [Fact]
    public void Arithmetic_broadcasts_or_stays() => Gen.Select(s_dims, s_dims, Gen.Int[0, 3], Gen.Int[0, 2], Gen.Bool).Sample((a, b, op, ones, integers) =>
    {
        a = ones == 1 ? [.. a.Select(_ => 1L)] : a;
        b = ones == 2 ? [.. a] : b;
        Node node = new("n", ((string[])["Add", "Sub", "Mul", "Div"])[op], [], []);
        Tensor Value(long[] dims, int shift) => integers ? Tensor.Of(Ramp(dims).ToFloats().Select(v => (long)v + shift).ToArray(), dims) : Ramp(dims);
        AssertAsOnnxRuntime(node, Value(a, 3), Value(b, 1));
    }, iter: 1000, threads: 1);

    [Fact]
    public void Cast_of_every_pair_of_types()
    {
        Tensor[] values =
        [
            Tensor.Of([-2.5f, -.5f, 0, 1.5f, 300], 5), Tensor.Of([-2.5, -.5, 0, 1.5, 1e300], 5), Tensor.Of([(Half)(-2.5f), (Half).5f], 2), Tensor.Of<long>([-1, 0, 1L << 40, 16777217], 4),
            Tensor.Of([-1, 0, 16777217], 3), Tensor.Of<sbyte>([-1, 5], 2), Tensor.Of<byte>([255, 5], 2), Tensor.Of([true, false], 2),
        ];
        foreach (Tensor value in values)
        {
            foreach (ElementType to in (ElementType[])[ElementType.Float, ElementType.Int64, ElementType.Int32, ElementType.Double, ElementType.Float16, ElementType.Bool, ElementType.UInt8])
            {
                AssertAsOnnxRuntime(new Node("n", "Cast", [], []).With("to", (long)to), value);
            }
        }
    }

    [Fact]
    public void Damaged_nodes_stay()
    {
        Tensor x = Tensor.Of([1f, 2], 2);
        Tensor code = new(ElementType.Float8E4M3FN, [2], new byte[2]);
        foreach (string op in (string[])["Identity", "Shape", "Cast", "Reshape", "Unsqueeze", "Squeeze", "Transpose", "Concat", "Slice", "Gather", "Add", "Sub", "Mul", "Div"])
        {
            foreach (Tensor?[] inputs in (Tensor?[][])[[], [null], [null, x], [x], [x, null], [x, x], [x, code], [x, x, x], [x, code, code, code, code], [code, x]])
            {
                ConstantOperators.Compute(new Node("n", op, [], []), inputs); // a value or null, no crash
            }

            Assert.Null(ConstantOperators.Compute(new Node("n", op, [], []), []));
        }
    }

    [Fact]
    public void A_small_file_does_not_become_a_huge_one()
    {
        // each Gather repeats a row a thousand times, each ConstantOfShape asks for 400 MB
        var model = Model.Create(13, [new("x", ElementType.Float, [1])], [new("y", ElementType.Float, null)]);
        Graph graph = model.Graph;
        graph.SetConstant("row", Tensor.Of(new float[1000], 1, 1000));
        graph.SetConstant("zeros", Tensor.Of(new long[1000], 1000));
        graph.SetConstant("shape", Tensor.Of<long>([100_000_000], 1));
        string last = "x";
        for (int i = 0; i < 100; i++)
        {
            graph.Add(new Node($"g{i}", "Gather", ["row", "zeros"], [$"g{i}"]));
            graph.Add(new Node($"c{i}", "ConstantOfShape", ["shape"], [$"c{i}"]));
            graph.Add(new Node($"a{i}", "Sum", [last, $"g{i}", $"c{i}"], [i == 99 ? "y" : $"a{i}"]));
            last = $"a{i}";
        }

        long before = GC.GetAllocatedBytesForCurrentThread();
        StandardPasses.Apply(model, new PassContext());
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 128 << 20);
        Assert.InRange(graph.Nodes.Count(n => n.Op == "Gather"), 80, 99); // 4 MB each: the first few fit
        Assert.Equal(100, graph.Nodes.Count(n => n.Op == "ConstantOfShape"));
    }

    private static void AssertAsOnnxRuntime(Node node, params Tensor[] inputs)
    {
        string[] names = [.. inputs.Select((_, i) => $"x{i}")];
        if (ConstantOperators.Compute(node, inputs) is not { } value)
        {
            return;
        }

        var model = Model.Create(17, [.. inputs.Select((x, i) => new ValueInfo(names[i], x.Type, [.. x.Dims.Select(d => (long?)d)]))], [new("y", value.Type, null)]);
        model.Graph.Add(new Node("n", node.Op, names, ["y"]).WithAttributesOf(node));
        string text = $"{node.Op}({string.Join(" ", inputs.Select(x => $"{x.Type}[{string.Join(",", x.Dims)}]{(x.Count < 5 && x.Type is ElementType.Int64 ? string.Join(",", x.ToInt64s()) : "")}"))})";
        try
        {
            Tensor theirs = Ort.Run(model, inputs.Select((x, i) => (names[i], x)).ToDictionary(p => p.Item1, p => p.x))[0];
            Assert.True(Outputs.Same([theirs], [value]), $"{text} gave [{string.Join(",", value.Dims)}], ONNX Runtime [{string.Join(",", theirs.Dims)}]");
        }
        catch (OnnxRuntimeException error)
        {
            Assert.Fail($"{text} was computed and ONNX Runtime refuses it: {error.Message}");
        }
    }

    private static Tensor Ramp(long[] dims) => Tensor.Of([.. Enumerable.Range(0, (int)dims.Aggregate(1L, (a, b) => a * b)).Select(i => i - 2.25f)], dims);

    private static Tensor Vector(long[] values) => Tensor.Of(values, values.Length);
}
