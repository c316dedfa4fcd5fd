using Halftone.Engine.Execution;
using Halftone.Engine.Kernels.Products;
using Halftone.Engine.Steps;
using Halftone.Engine.Tests.Sessions.Nets;
using Halftone.Onnx;
using Halftone.OnnxRuntime;

namespace Halftone.Engine.Tests.Sessions;

/// <summary>Random networks against ONNX Runtime, which computes every node by its definition.</summary>
public sealed class FuzzTests
{
    private static readonly Gen<(int Seed, int Length)> s_nets = Gen.Select(Gen.Int[0, int.MaxValue - 1], Gen.Int[1, 10]);

    public static TheoryData<string> Tiers => [.. ProductTiers.All.Where(t => t.IsSupported()).Select(t => t.Name)];

    [Fact]
    public void Codes_differ_by_one_at_most_from_what_each_operator_makes_of_the_same_inputs() => s_nets.Sample((seed, length) => Qdq(QdqNet.Make(seed, length), EngineOptions.Default), iter: 1500, threads: 1, print: n => Print(n, QdqNet.Make(n.Item1, n.Item2).Model));

    [Fact]
    public void Integer_operators_are_exact() => s_nets.Sample((seed, length) => Integer(seed, length, EngineOptions.Default), iter: 700, threads: 1, print: n => Print(n, IntegerNet.Make(n.Item1, n.Item2).Model));

    [Fact]
    public void Sums_and_products_of_int8_codes_are_exact() => Gen.Int[0, int.MaxValue - 1].Sample(
        seed =>
        {
            (Model model, Dictionary<string, Tensor> feed) = IntegerNet.SignedBinary(seed);
            using OrtSession oracle = OrtSession.Load(model, new OrtOptions { Optimize = false });
            Near(oracle.Run(feed), Run(model, feed, EngineOptions.Default), 0);
        },
        iter: 100,
        threads: 1);

    [Theory]
    [MemberData(nameof(Tiers))]
    public void Every_tier(string tier)
    {
        var options = new EngineOptions { Tier = tier, Threads = 1 };
        s_nets.Sample((seed, length) => Qdq(QdqNet.Make(seed, length), options), iter: 150, threads: 1, print: n => Print(n, QdqNet.Make(n.Item1, n.Item2).Model));
        s_nets.Sample((seed, length) => Qdq(QdqNet.MakeSmall(seed, length), options), iter: 100, threads: 1, print: n => Print(n, QdqNet.MakeSmall(n.Item1, n.Item2).Model));
        s_nets.Sample((seed, length) => Integer(seed, length, options), iter: 100, threads: 1, print: n => Print(n, IntegerNet.Make(n.Item1, n.Item2).Model));
    }

    /// <summary>What is not met is not tried.</summary>
    [Fact]
    public void Every_kind_of_step_is_met()
    {
        string[] kinds = [.. typeof(Step).Assembly.GetTypes().Where(t => t.IsSubclassOf(typeof(Step)) && !t.IsAbstract).Select(t => t.Name).Order()];
        HashSet<string> met = [];
        bool transforms = ProductTiers.All.Single(t => t.Name == "avx2").IsSupported(); // which is chosen more often there than on faster tiers
        EngineOptions small = transforms ? new() { Tier = "avx2", Threads = 1 } : EngineOptions.Default;
        for (int seed = 0; seed < 300; seed++)
        {
            foreach ((Model model, EngineOptions options) in ((Model, EngineOptions)[])
                [(QdqNet.Make(seed, 8).Model, EngineOptions.Default), (QdqNet.MakeSmall(seed, 3).Model, small), (IntegerNet.Make(seed, 8).Model, EngineOptions.Default)])
            {
                using EngineSession session = EngineSession.Load(model, options);
                met.UnionWith(session.RecentPlan!.Steps.Select(s => s.GetType().Name));
            }
        }

        string[] elsewhere = [nameof(ForeignStep), nameof(LowBitStep), .. transforms ? (string[])[] : [nameof(WinogradStep)], nameof(UnpackStep), .. kinds.Where(k => k.StartsWith("Dynamic", StringComparison.Ordinal) || k is nameof(PackStep) or nameof(PieceStep))]; // these have tests of their own
        Assert.Equal(kinds.Except(elsewhere), met.Except(elsewhere).Order());
    }

    private static void Qdq((Model Model, Dictionary<string, Tensor> Feed) net, EngineOptions options)
    {
        (Model model, Dictionary<string, Tensor> feed) = net;
        Model exposed = TensorTap.Expose(model, Regions.Codes(model));
        IReadOnlyDictionary<string, Tensor> expected;
        using (OrtSession oracle = OrtSession.Load(exposed, new OrtOptions { Optimize = false }))
        {
            expected = oracle.Run(feed);
        }

        // each operator by itself
        Model cut = Regions.Cut(model, expected);
        using EngineSession regions = EngineSession.Load(cut, options);
        Near(expected, regions.Run(Regions.Feed(cut, feed, expected)), 1);

        // all of them in a row are the same operators, in whatever forms values are held between them
        IReadOnlyDictionary<string, Tensor> whole = Run(exposed, feed, options);
        Near(whole, regions.Run(Regions.Feed(cut, feed, whole)), 0);
        Equal(whole, Run(model, feed, options));
    }

    private static void Integer(int seed, int length, EngineOptions options)
    {
        (Model model, Dictionary<string, Tensor> feed) = IntegerNet.Make(seed, length);
        using OrtSession oracle = OrtSession.Load(model, new OrtOptions { Optimize = false });
        Equal(oracle.Run(feed), Run(model, feed, options));
    }

    private static IReadOnlyDictionary<string, Tensor> Run(Model model, IReadOnlyDictionary<string, Tensor> feed, EngineOptions options)
    {
        using EngineSession session = EngineSession.Load(model, options);
        return session.Run(feed);
    }

    private static void Equal(IReadOnlyDictionary<string, Tensor> expected, IReadOnlyDictionary<string, Tensor> actual)
    {
        foreach ((string name, Tensor value) in actual)
        {
            Assert.Equal(expected[name].Dims, value.Dims);
            Assert.True(expected[name].Type == value.Type && expected[name].Bytes.SequenceEqual(value.Bytes), $"{name}: {First(expected[name], value)}");
        }
    }

    private static void Near(IReadOnlyDictionary<string, Tensor> expected, IReadOnlyDictionary<string, Tensor> actual, int codes)
    {
        foreach ((string name, Tensor value) in actual)
        {
            Tensor want = expected[name];
            Assert.Equal(want.Dims, value.Dims);
            Assert.Equal(want.Type, value.Type);
            (float[] e, float[] a) = (want.ToFloats(), value.ToFloats());
            double tolerance = want.Type == ElementType.Float ? 1e-4 * e.Select(Math.Abs).Append(0.01f).Max() : codes;
            Assert.True(e.Zip(a, (x, y) => Math.Abs((double)x - y)).All(d => d <= tolerance), $"{name}: {First(want, value)}");
        }
    }

    internal static string Print((int Seed, int Length) net, Model model)
    {
        string Of(string name) => model.Graph.Constant(name) is not { } value ? name
            : value.Count <= 4 ? $"{value.Type.OnnxName()}({string.Join(",", value.ToFloats())})" : $"{value.Type.OnnxName()}[{string.Join(",", value.Dims)}]";
        IEnumerable<string> nodes = model.Graph.Nodes.Select(n =>
            $"  {string.Join(", ", n.Outputs)} = {n.Op}({string.Join(", ", n.Inputs.Select(Of))}) {string.Join(" ", n.AttributeNames.Select(a => $"{a}={n.Int(a, 0)}{n.Text(a, "")}[{string.Join(",", n.Ints(a) ?? [])}]"))}");
        IEnumerable<string> inputs = model.Graph.Inputs.Select(i => $"  {i.Name}: {i.Type.OnnxName()}[{string.Join(",", i.Dims!)}]");
        return $"seed {net.Seed}, length {net.Length}:\n{string.Join("\n", inputs.Concat(nodes))}\n";
    }

    private static string First(Tensor expected, Tensor actual)
    {
        (float[] e, float[] a) = (expected.ToFloats(), actual.ToFloats());
        int[] apart = [.. Enumerable.Range(0, e.Length).Where(i => !e[i].Equals(a[i]))];
        int worst = apart.DefaultIfEmpty(0).MaxBy(i => Math.Abs((double)e[i] - a[i]));
        return $"{apart.Length} of {e.Length} differ; {a[worst]} in place of {e[worst]} at {worst} of [{string.Join(",", expected.Dims)}]";
    }
}
