using Halftone.Engine.Execution;
using Halftone.Engine.Tests.Sessions.Nets;
using Halftone.Onnx;

namespace Halftone.Engine.Tests.Sessions;

/// <summary>Every step of random networks writes its own values and nothing else of the arena, the last bytes of which stand guard too; the caller's values lie at pages that may not be touched.</summary>
public sealed class FenceTests
{
    [Fact]
    public void Steps_write_nothing_but_their_outputs() => Gen.Select(Gen.Int[0, int.MaxValue - 1], Gen.Int[1, 8]).Sample(
        (seed, length) =>
        {
            (Model model, Dictionary<string, Tensor> feed) = seed % 3 == 0 ? IntegerNet.Make(seed, length) : QdqNet.Make(seed, length);
            using EngineSession session = EngineSession.Load(model);
            session.Run(feed);
            Watch(session.RecentPlan!, feed, atEnd: seed % 4 != 0);
        },
        iter: 1000,
        threads: 1);

    /// <summary>Codes that kernels read where the caller has them: of every length around whole groups of 4 bytes, at the end of a page.</summary>
    [Theory]
    [MemberData(nameof(FuzzTests.Tiers), MemberType = typeof(FuzzTests))]
    public void Codes_of_callers_are_not_read_past(string tier)
    {
        for (int depth = 1; depth <= 13; depth++)
        {
            for (int kernel = 1; kernel <= 3; kernel += 2)
            {
                (Model model, Dictionary<string, Tensor> feed) = Codes(depth, kernel);
                using EngineSession session = EngineSession.Load(model, new EngineOptions { Tier = tier });
                session.Run(feed);
                Watch(session.RecentPlan!, feed, atEnd: true);
            }
        }
    }

    // a product of rows, a convolution and a depthwise one of images, channels last as they are given, each of an input of its own
    private static (Model Model, Dictionary<string, Tensor> Feed) Codes(int depth, int kernel)
    {
        long[][] dims = [[3, depth], [1, 4, 5, depth], [1, 4, 5, depth]];
        Model model = Model.Create(
            17, dims.Select((d, i) => new ValueInfo($"x{i}", ElementType.UInt8, [.. d.Select(n => (long?)n)])), Enumerable.Range(0, 3).Select(i => new ValueInfo($"y{i}", ElementType.UInt8, null)));
        Graph graph = model.Graph;
        graph.SetConstant("scale", Tensor.Scalar(0.5f));
        graph.SetConstant("zero", Tensor.Scalar((byte)0));
        graph.SetConstant("none", Tensor.Scalar((sbyte)0));
        graph.SetConstant("w0", Weights(depth, 5));
        graph.SetConstant("w1", Weights(6, depth, kernel, kernel));
        graph.SetConstant("w2", Weights(depth, 1, kernel, kernel));
        string[] Inputs(string x, string w) => [x, "scale", "zero", w, "scale", "none", "scale", "zero"];
        graph.Add(new Node("rows", "QLinearMatMul", Inputs("x0", "w0"), ["y0"]));
        for (int i = 1; i <= 2; i++)
        {
            graph.Add(new Node($"in{i}", "Transpose", [$"x{i}"], [$"image{i}"]).With("perm", [0L, 3, 1, 2]));
            graph.Add(new Node($"conv{i}", "QLinearConv", Inputs($"image{i}", $"w{i}"), [$"made{i}"]).With("group", i == 2 ? depth : 1));
            graph.Add(new Node($"out{i}", "Transpose", [$"made{i}"], [$"y{i}"]).With("perm", [0L, 2, 3, 1]));
        }

        return (model, dims.Select((d, i) => (Name: $"x{i}", Value: Tensor.Of(Enumerable.Range(0, (int)d.Aggregate((a, b) => a * b)).Select(n => (byte)(n * 7)).ToArray(), d))).ToDictionary(v => v.Name, v => v.Value));
    }

    private static Tensor Weights(params long[] dims) => Tensor.Of(Enumerable.Range(0, (int)dims.Aggregate((a, b) => a * b)).Select(n => (sbyte)(n * 5)).ToArray(), dims);

    private static unsafe void Watch(CompiledPlan plan, Dictionary<string, Tensor> feed, bool atEnd)
    {
        RunContext context = plan.Rent();
        List<GuardedMemory> callers = [];
        foreach (PlanValue value in plan.Inputs)
        {
            callers.Add(new((int)value.Type.Bytes, 0, atEnd));
            feed[value.Name].Bytes.CopyTo(callers[^1].Span);
            context.SetSlot(value.Slot, callers[^1].Start);
        }

        foreach (PlanValue value in plan.Outputs)
        {
            callers.Add(new((int)value.Type.Bytes, 0, atEnd));
            context.SetSlot(value.Slot, callers[^1].Start);
        }

        var arena = new ReadOnlySpan<byte>(context.Slot(Place.Arena), (int)plan.ArenaBytes);
        for (int i = 0; i < plan.Steps.Length; i++)
        {
            byte[] before = arena.ToArray();
            plan.Steps[i].Run(context, 0, 1);
            int from = 0;
            foreach (Place written in plan.Writes[i].Where(w => w.Slot == Place.Arena).OrderBy(w => w.Offset))
            {
                Same(arena, before, from, (int)written.Offset, plan.Steps[i].Name);
                from = (int)(written.Offset + written.Bytes);
            }

            Same(arena, before, from, arena.Length, plan.Steps[i].Name);
        }

        callers.ForEach(c => c.Dispose());
        plan.Return(context);
    }

    private static void Same(ReadOnlySpan<byte> now, byte[] before, int from, int to, string step) =>
        Assert.True(now[from..to].SequenceEqual(before.AsSpan(from, to - from)), $"{step} wrote between {from} and {to}");
}
