using Halftone.Engine.Execution;
using Halftone.Engine.Steps;
using Halftone.Onnx;
using Halftone.OnnxRuntime;

namespace Halftone.Engine.Tests.Units;

/// <summary>A small model in a session of every tier, in one thread and in two, against ONNX Runtime; and what steps it came to.</summary>
internal static class UnitRun
{
    /// <summary>Compares all outputs with ONNX Runtime's of the model as it is: each node by its definition.</summary>
    /// <param name="model">The model.</param>
    /// <param name="inputs">Its inputs.</param>
    /// <param name="operation">The operator that must not be left to the row-major operators; as its step's name begins.</param>
    /// <param name="kind">The step it must have become; null for whatever.</param>
    /// <param name="spread">How far codes may lie apart.</param>
    /// <param name="tolerance">How far floats may, relative to the largest.</param>
    /// <param name="optimize">Whether ONNX Runtime may fuse nodes first.</param>
    public static void Check(Model model, IReadOnlyDictionary<string, Tensor> inputs, string operation, Type? kind, int spread = 1, double tolerance = 0, bool optimize = false)
    {
        IReadOnlyDictionary<string, Tensor> expected;
        using (var session = OrtSession.Load(model, new OrtOptions { Optimize = optimize, ExactProducts = true }))
        {
            expected = session.Run(inputs);
        }

        foreach (EngineTier tier in EngineTiers.All.Where(t => t.IsSupported))
        {
            // fixed point rounds otherwise than floats, by one code at most
            (int, Requantization)[] ways = [(1, Requantization.Float), (2, Requantization.Float), .. spread > 0 ? [(2, Requantization.DoubleRounding)] : Array.Empty<(int, Requantization)>()];
            foreach ((int threads, Requantization arithmetic) in ways)
            {
                using var engine = EngineSession.Load(model, new EngineOptions { Tier = tier.Name, Threads = threads, Requantization = arithmetic });
                IReadOnlyDictionary<string, Tensor> actual = engine.Run(inputs);
                string what = $"{tier.Name}, {threads} threads, {arithmetic}, {Describe(model, inputs)}";
                foreach ((string name, Tensor value) in expected)
                {
                    Compare(value, actual[name], spread, tolerance, $"{name}: {what}");
                }

                if (kind is null)
                {
                    continue;
                }

                Step[] steps = [.. engine.RecentPlan!.Steps];
                Assert.Contains(steps, s => s.GetType() == kind);
                Assert.DoesNotContain(steps, s => s is DenseStep && s.Name.StartsWith(operation, StringComparison.Ordinal));
            }
        }
    }

    private static string Describe(Model model, IReadOnlyDictionary<string, Tensor> inputs) =>
        $"{string.Join(" ", inputs.Select(i => $"{i.Key}[{string.Join(",", i.Value.Dims)}]"))}; {string.Join("; ", model.Graph.Nodes.Select(n => $"{n.Op}({string.Join(" ", n.AttributeNames.Select(a => $"{a}={string.Join(",", n.Ints(a) is { Length: > 0 } v ? v : [n.Int(a, 0)])}"))})"))}";

    private static void Compare(Tensor expected, Tensor actual, int spread, double tolerance, string what)
    {
        Assert.Equal(expected.Type, actual.Type);
        Assert.True(expected.Dims.SequenceEqual(actual.Dims), what);
        if (expected.Type == ElementType.Float)
        {
            (float[] e, float[] a) = (expected.ToFloats(), actual.ToFloats());
            double largest = e.Length == 0 ? 0 : e.Max(v => Math.Abs((double)v));
            int bad = Array.FindIndex(e.Zip(a).ToArray(), p => !(Math.Abs((double)p.First - p.Second) <= tolerance * largest));
            Assert.True(bad < 0, bad < 0 ? "" : $"element {bad} is {a[bad]}, not {e[bad]}: {what}");
            return;
        }

        (long[] codes, long[] made) = (expected.ToInt64s(), actual.ToInt64s());
        int wrong = Array.FindIndex(codes.Zip(made).ToArray(), p => Math.Abs(p.First - p.Second) > (expected.Type.Bits() == 8 ? spread : 0));
        Assert.True(wrong < 0, wrong < 0 ? "" : $"element {wrong} is {made[wrong]}, not {codes[wrong]}: {what}");
    }
}
