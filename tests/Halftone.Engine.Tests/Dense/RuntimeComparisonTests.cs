using Halftone.Engine.Dense;
using Halftone.Onnx;
using Halftone.OnnxRuntime;

namespace Halftone.Engine.Tests.Dense;

/// <summary>ONNX Runtime on the same values.</summary>
public sealed class RuntimeComparisonTests
{
    public static TheoryData<string, ElementType> Pairs => [.. from op in (string[])["Add", "Sub", "Mul", "Div", "Max", "Min", "Pow", "Less", "Equal", "GreaterOrEqual", "Mod", "PRelu", "Where"]
                                                             from element in (ElementType[])[ElementType.Float, ElementType.Int32, ElementType.Int64]
                                                             select (op, element)];

    private static readonly ElementType[] s_numbers =
    [
        ElementType.Float, ElementType.Double, ElementType.Float16, ElementType.BFloat16, ElementType.Int8, ElementType.Int16, ElementType.Int32, ElementType.Int64,
        ElementType.UInt8, ElementType.UInt16, ElementType.UInt32, ElementType.UInt64,
    ];

    // exact where only one rounding is made
    [Theory]
    [MemberData(nameof(Pairs))]
    public void Broadcast_pairs(string op, ElementType element) => Gen.Select(Gen.Int[1, 5].Array[1, 5], Gen.Int[0, 31], Gen.Int[0, 31], Gen.Int[0, 4], Gen.Int[0, 1_000_000]).Sample(
        (lengths, onesA, onesB, drop, seed) =>
        {
            long[] a = [.. lengths.Select((d, i) => (onesA >> i & 1) == 1 ? 1L : d)];
            long[] b = [.. lengths.Select((d, i) => (onesB >> i & 1) == 1 ? 1L : d).Skip(Math.Min(drop, lengths.Length - 1))];
            if (op == "PRelu")
            {
                a = [.. lengths.Select(d => (long)d)]; // it broadcasts its slopes only
            }

            Node node = new("n", op, op == "Where" ? ["c", "a", "b"] : ["a", "b"], ["y"]);
            node = op == "Mod" && element == ElementType.Float ? node.With("fmod", 1) : node;
            Dictionary<string, Tensor> inputs = new() { ["a"] = Of(element, a, seed, op), ["b"] = Of(element, b, seed + 1, op) };
            if (op == "Where")
            {
                inputs["c"] = RandomTensors.Truths(seed + 2, a);
            }

            Same(node, 17, inputs, op == "Pow" && element == ElementType.Float ? 2e-6 : 0);
        },
        iter: 25);

    [Theory]
    [InlineData("BitwiseAnd")]
    [InlineData("BitwiseOr")]
    [InlineData("BitwiseXor")]
    [InlineData("BitwiseNot")]
    public void Bits(string op) => Gen.Select(Gen.Int[1, 40], Gen.Int[1, 5], Gen.Bool, Gen.Int[0, 1_000_000]).Sample(
        (length, rows, signed, seed) =>
        {
            Dictionary<string, Tensor> inputs = new() { ["a"] = RandomTensors.Codes(seed, signed, rows, length), ["b"] = RandomTensors.Codes(seed + 1, signed, length) };
            Same(new Node("n", op, op == "BitwiseNot" ? ["a"] : ["a", "b"], ["y"]), 18, op == "BitwiseNot" ? new() { ["a"] = inputs["a"] } : inputs, 0);
        },
        iter: 25);

    [Theory]
    [InlineData("ReduceSum")]
    [InlineData("ReduceMean")]
    [InlineData("ReduceMax")]
    [InlineData("ReduceL2")]
    [InlineData("ReduceLogSumExp")]
    public void Reductions_over_any_axes(string op) => Gen.Select(Gen.Int[1, 6].Array[1, 5], Gen.Int[1, 31], Gen.Bool, Gen.Int[0, 1_000_000]).Sample(
        (lengths, axes, keep, seed) =>
        {
            long[] dims = [.. lengths.Select(d => (long)d)];
            long[] reduced = [.. Enumerable.Range(0, dims.Length).Where(i => (axes >> i & 1) == 1).Select(i => (long)i)];
            Node node = new Node("n", op, ["x", "a"], ["y"]).With("keepdims", keep ? 1 : 0);
            Same(node, 18, new() { ["x"] = RandomTensors.Floats(seed, dims), ["a"] = Tensor.Of(reduced, reduced.Length) }, 1e-5);
        },
        iter: 40);

    [Fact]
    public void Slices_of_any_bounds() => Gen.Select(Gen.Int[1, 6].Array[1, 4], Gen.Int[-9, 9].Array[4], Gen.Int[-9, 9].Array[4], Gen.Int[-3, 3].Array[4], Gen.Int[0, 1_000_000]).Sample(
        (lengths, starts, ends, steps, seed) =>
        {
            long[] dims = [.. lengths.Select(d => (long)d)];
            Tensor Of(IEnumerable<int> values) => Tensor.Of([.. values.Take(dims.Length).Select(v => (long)v)], dims.Length);
            Node node = new("n", "Slice", ["x", "s", "e", "a", "t"], ["y"]);
            Same(node, 13, new() { ["x"] = RandomTensors.Floats(seed, dims), ["s"] = Of(starts), ["e"] = Of(ends), ["a"] = Of(Enumerable.Range(0, 4)), ["t"] = Of(steps.Select(t => t == 0 ? 1 : t)) }, 0);
        },
        iter: 100);

    public static TheoryData<ElementType, ElementType> Casts => [.. from x in s_numbers from y in (ElementType[])[.. s_numbers, ElementType.Bool] where x != y select (x, y)];

    // within the range of both types, outside of which ONNX leaves it open; but integers keep their low bits
    [Theory]
    [MemberData(nameof(Casts))]
    public void Casts_of_numbers(ElementType from, ElementType to)
    {
        bool unsigned = to is ElementType.UInt8 or ElementType.UInt16 or ElementType.UInt32 or ElementType.UInt64;
        bool wraps = unsigned && from is ElementType.Int8 or ElementType.Int16 or ElementType.Int32 or ElementType.Int64;
        Tensor values = Tensor.Of([.. RandomTensors.Floats(7, 99).ToFloats().Select(v => unsigned && !wraps ? Math.Abs(v) : v), 0, 100], 101);
        Tensor x = DenseRun.Compute(new Node("n", "Cast", ["x"], ["y"]).With("to", (long)from), 22, [values])[0];
        Assert.Contains(x.ToFloats(), v => v == 100);
        Same(new Node("n", "Cast", ["x"], ["y"]).With("to", (long)to), 13, new() { ["x"] = x }, 0);
    }

    [Fact]
    public void Transposes_of_any_order() => Gen.Select(Gen.Int[1, 6].Array[1, 5], Gen.Int[0, 1_000_000]).Sample(
        (lengths, seed) =>
        {
            long[] dims = [.. lengths.Select(d => (long)d)];
            long[] order = [.. Enumerable.Range(0, dims.Length).Select(i => (long)i)];
            new Random(seed).Shuffle(order);
            Same(new Node("n", "Transpose", ["x"], ["y"]).With("perm", order), 13, new() { ["x"] = RandomTensors.Floats(seed, dims) }, 0);
        },
        iter: 60);

    private static Tensor Of(ElementType element, long[] dims, int seed, string op)
    {
        float[] values = RandomTensors.Floats(seed, dims).ToFloats();
        return element switch
        {
            ElementType.Float => Tensor.Of(op == "Pow" ? Array.ConvertAll(values, MathF.Abs) : values, dims),
            ElementType.Int32 => Tensor.Of(Array.ConvertAll(values, v => Whole(2 * v, op)), dims),
            _ => Tensor.Of(Array.ConvertAll(values, v => (long)Whole(2 * v, op)), dims),
        };
    }

    // no 0, by which integers cannot be divided
    private static int Whole(float value, string op) => (int)(value * 3) is var i && op == "Pow" ? Math.Abs(i) / 2 : i == 0 ? 5 : i;

    private static void Same(Node node, int opset, Dictionary<string, Tensor> inputs, double tolerance)
    {
        Model model = Model.Create(opset, inputs.Select(i => new ValueInfo(i.Key, i.Value.Type, [.. i.Value.Dims.Select(d => (long?)d)])), [new ValueInfo("y", ElementType.Undefined, null)]);
        model.Graph.Add(node);
        using OrtSession session = OrtSession.Load(model, new OrtOptions { Threads = 1 });
        Tensor expected = session.Run(inputs)["y"];
        Tensor actual = DenseRun.Compute(node, opset, [.. node.Inputs.Select(i => inputs[i])])[0];
        Assert.Equal(expected.Type, actual.Type);
        Assert.Equal(expected.Dims, actual.Dims);
        float[] want = expected.ToFloats();
        float[] have = actual.ToFloats();
        for (int i = 0; i < want.Length; i++)
        {
            Assert.True(want[i] == have[i] || (float.IsNaN(want[i]) && float.IsNaN(have[i])) || Math.Abs(want[i] - have[i]) <= tolerance * Math.Max(1, Math.Abs(want[i])), $"{node.Op}: {have[i]} in place of {want[i]} at {i}");
        }
    }
}
