using Halftone.Engine.Dense;
using Halftone.Onnx;
using Halftone.OnnxRuntime;

namespace Halftone.Engine.Tests.Dense;

/// <summary>One node, computed by the engine's row-major operators and by ONNX Runtime, unoptimized; and by the engine in several parts.</summary>
internal static class Oracle
{
    /// <summary>Compares. Inputs whose names begin with "c" are constants.</summary>
    /// <param name="node">The node; outputs are its own.</param>
    /// <param name="opset">ONNX's operator set.</param>
    /// <param name="inputs">Values of its inputs, by name.</param>
    /// <param name="tolerance">Relative to the largest magnitude; 0 for bit for bit.</param>
    /// <param name="spread">Codes may differ by so much.</param>
    public static Tensor[] Check(Node node, int opset, IReadOnlyDictionary<string, Tensor> inputs, double tolerance, int spread = 0)
    {
        Tensor[] expected = Run(node, opset, inputs);
        Tensor[] actual = Split(node, opset, inputs);
        string what = $"{node.Op} of {string.Join(", ", inputs.Select(i => $"{i.Key} {i.Value.Type}[{string.Join(",", i.Value.Dims)}]"))} with {string.Join(", ", node.AttributeNames.Select(a => $"{a}={Show(node, a)}"))}:";
        for (int i = 0; i < expected.Length; i++)
        {
            if (spread > 0 && expected[i].Type.Bits() == 8)
            {
                Assert.True(expected[i].Dims.SequenceEqual(actual[i].Dims), what);
                long[] made = actual[i].ToInt64s();
                Assert.True(expected[i].ToInt64s().Zip(made, (e, a) => Math.Abs(e - a)).All(d => d <= spread), what);
                continue;
            }

            Near.Check(expected[i], actual[i], tolerance, what);
        }

        return actual;
    }

    /// <summary>The engine's outputs; those of several parts are the same bytes as those of one.</summary>
    public static Tensor[] Split(Node node, int opset, IReadOnlyDictionary<string, Tensor> inputs)
    {
        Tensor?[] values = [.. node.Inputs.Select(n => n.Length == 0 ? null : inputs[n])];
        DensePlan plan = PlanRun.Ready(node, opset, values, i => node.Inputs[i].StartsWith('c'));
        Tensor[] whole = PlanRun.Run(plan, values);
        foreach (int parts in new[] { 2, 3, 7, plan.MostParts }.Where(p => p <= plan.MostParts).Distinct())
        {
            Tensor[] split = PlanRun.Run(plan, values, parts);
            for (int i = 0; i < whole.Length; i++)
            {
                Assert.True(whole[i].Bytes.SequenceEqual(split[i].Bytes), $"{node.Op} in {parts} parts differs");
            }
        }

        // constants are packed when a plan is made; that changes nothing
        if (node.Inputs.Any(n => n.StartsWith('c')) && !s_known.Contains(node.Op))
        {
            Tensor[] unpacked = PlanRun.Run(PlanRun.Ready(node, opset, values, _ => false), values);
            Assert.True(unpacked.Zip(whole).All(p => p.First.Bytes.SequenceEqual(p.Second.Bytes)), $"{node.Op} of constants differs");
        }

        return whole;
    }

    private static readonly string[] s_known = ["Resize", "Upsample", "DequantizeLinear"];

    private static Tensor[] Run(Node node, int opset, IReadOnlyDictionary<string, Tensor> inputs)
    {
        var model = Model.Create(
            opset,
            inputs.Where(i => !i.Key.StartsWith('c')).Select(i => new ValueInfo(i.Key, i.Value.Type, [.. i.Value.Dims.Select(d => (long?)d)])),
            node.Outputs.Where(o => o.Length > 0).Select(o => new ValueInfo(o, ElementType.Undefined, null)));
        foreach ((string name, Tensor value) in inputs.Where(i => i.Key.StartsWith('c')))
        {
            model.Graph.SetConstant(name, value);
        }

        if (node.Domain.Length > 0)
        {
            model.SetOpset(node.Domain, 1);
        }

        model.Graph.Add(node);
        using var session = OrtSession.Load(model, new OrtOptions { Optimize = false, ExactProducts = true });
        IReadOnlyDictionary<string, Tensor> outputs = session.Run(inputs.Where(i => !i.Key.StartsWith('c')).ToDictionary(i => i.Key, i => i.Value));
        return [.. node.Outputs.Where(o => o.Length > 0).Select(o => outputs[o])];
    }

    private static string Show(Node node, string attribute) =>
        node.Ints(attribute) is { Length: > 0 } ints ? $"[{string.Join(",", ints)}]" : node.Text(attribute, "") is { Length: > 0 } text ? text : $"{node.Int(attribute, 0)}/{node.Float(attribute, 0)}";
}
