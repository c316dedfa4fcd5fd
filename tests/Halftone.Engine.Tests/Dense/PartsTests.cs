using Halftone.Engine.Dense;
using Halftone.Onnx;

namespace Halftone.Engine.Tests.Dense;

/// <summary>Work in parts gives the very bytes of work in one, and no part writes what is another's.</summary>
public sealed class PartsTests
{
    private static readonly string[] s_modes = ["constant", "reflect", "edge", "wrap"];

    private static readonly Gen<long[]> s_dims = Gen.OneOf(
        Gen.Int[20_000, 60_000].Select(n => new[] { (long)n }),
        Gen.Select(Gen.Int[1, 60], Gen.Int[300, 1500]).Select((a, b) => new[] { (long)a, b }),
        Gen.Select(Gen.Int[1, 9], Gen.Int[3, 90], Gen.Int[30, 150]).Select((a, b, c) => new[] { (long)a, b, c }),
        Gen.Select(Gen.Int[1, 3], Gen.Int[1, 40], Gen.Int[5, 40], Gen.Int[5, 40]).Select((a, b, c, d) => new[] { (long)a, b, c, d }));

    public static TheoryData<string> OneInput =>
    [
        "Identity", "Transpose", "Flatten", "Exp", "Log", "Sqrt", "Erf", "Sigmoid", "Tanh", "Softplus", "Gelu", "Sin", "Relu", "Neg", "Abs", "Sign", "Floor", "Round",
        "LeakyRelu", "HardSwish", "Elu", "IsNaN", "ReduceSum", "ReduceLogSumExp", "ReduceMax", "ArgMax", "Trilu", "Dropout",
    ];

    public static TheoryData<string> TwoInputs => ["Add", "Sub", "Mul", "Div", "Pow", "Mod", "PRelu", "Max", "Min", "Mean", "Sum", "Less", "Equal", "Concat"];

    [Theory]
    [MemberData(nameof(OneInput))]
    public void Of_one_input(string op) => Gen.Select(s_dims, Gen.Int[0, 1_000_000], Gen.Int[2, 5]).Sample(
        (dims, seed, parts) =>
        {
            Node node = new("n", op, ["x"], op == "Dropout" ? ["y", "mask"] : ["y"]);
            if (op.StartsWith("Reduce", StringComparison.Ordinal))
            {
                node.With("axes", [dims.Length - 1]);
            }

            if (op != "Trilu" || dims.Length > 1)
            {
                Check(node.With("axis", dims.Length - 1), [RandomTensors.Floats(seed, dims)], parts);
            }
        },
        iter: 12);

    [Theory]
    [MemberData(nameof(TwoInputs))]
    public void Of_two_inputs(string op) => Gen.Select(s_dims, Gen.Int[0, 1_000_000], Gen.Int[2, 5], Gen.Int[0, 15]).Sample(
        (dims, seed, parts, ones) =>
        {
            // some axes of the second operand are broadcast
            long[] second = op == "Concat" ? dims : [.. dims.Select((d, i) => (ones >> i & 1) == 1 ? 1 : d)];
            Node node = new Node("n", op, ["a", "b"], ["y"]).With("axis", 0).With("fmod", 1);
            Check(node, [RandomTensors.Floats(seed, dims), RandomTensors.Floats(seed + 1, second)], parts);
        },
        iter: 12);

    [Fact]
    public void Of_movement_with_known_inputs() => Gen.Select(s_dims, Gen.Int[0, 1_000_000], Gen.Int[2, 5], Gen.Int[0, 3].Select(i => s_modes[i])).Sample(
        (dims, seed, parts, mode) =>
        {
            Tensor x = RandomTensors.Floats(seed, dims);
            int rank = dims.Length;
            Check(new Node("n", "Slice", ["x", "s", "e", "a", "t"], ["y"]), [x, Tensor.Of([-1L], 1), Tensor.Of([long.MinValue], 1), Tensor.Of([rank - 1L], 1), Tensor.Of([-1L], 1)], parts);
            Check(new Node("n", "Pad", ["x", "p"], ["y"]).With("mode", mode), [x, Tensor.Of([.. Enumerable.Repeat(1L, 2 * rank)], 2 * rank)], parts);
            Check(new Node("n", "Tile", ["x", "r"], ["y"]), [x, Tensor.Of([.. Enumerable.Repeat(2L, rank)], rank)], parts);
            Check(new Node("n", "Expand", ["x", "s"], ["y"]), [x, Tensor.Of([2L, .. dims], rank + 1)], parts);
            Check(new Node("n", "Gather", ["x", "i"], ["y"]).With("axis", rank - 1), [x, Tensor.Of([0L, -1, 2], 3)], parts);
            Check(new Node("n", "Split", ["x", "s"], ["y", "z"]).With("axis", rank - 1), [x, Tensor.Of([1L, dims[^1] - 1], 2)], parts);
            Check(new Node("n", "Cast", ["x"], ["y"]).With("to", (long)ElementType.Int8), [x], parts);
            Check(new Node("n", "Where", ["c", "x", "z"], ["y"]), [RandomTensors.Truths(seed, dims), x, Tensor.Of([7f], 1)], parts);
            Check(new Node("n", "CumSum", ["x", "a"], ["y"]), [x, Tensor.Scalar(0L)], parts);
        },
        iter: 12);

    private static void Check(Node node, Tensor[] inputs, int parts)
    {
        DensePlan plan = DenseRun.Prepare(node, 22, inputs);
        parts = Math.Min(parts, plan.MostParts);
        byte[][] whole = Run(plan, inputs, 1, fill: 0x55);
        byte[][] pieces = Run(plan, inputs, parts, fill: 0xAA);
        Assert.All(whole.Zip(pieces), p => Assert.True(p.First.AsSpan().SequenceEqual(p.Second), $"{node.Op} of {string.Join(" and ", inputs.Select(i => string.Join("x", i.Dims)))} in {parts} parts"));
    }

    private static byte[][] Run(DensePlan plan, Tensor[] inputs, int parts, byte fill)
    {
        byte[][] outputs = [.. plan.Outputs.Select(o => GC.AllocateArray<byte>((int)o.Bytes, pinned: true))];
        Array.ForEach(outputs, o => Array.Fill(o, fill));
        DenseRun.Run(plan, inputs, outputs, parts);
        return outputs;
    }
}
