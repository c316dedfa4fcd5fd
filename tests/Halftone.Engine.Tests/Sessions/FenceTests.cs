using Halftone.Engine.Execution;
using Halftone.Engine.Kernels;
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
