using System.Numerics;
using Halftone.Engine.Execution;

namespace Halftone.Engine.Tests.Sessions;

public sealed class ThreadPlacementTests
{
    /// <summary>A thread that is moved away may run on all processors but one, and on all again once it has settled.</summary>
    [Fact]
    public void A_thread_that_is_moved_gets_its_processors_back()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && Environment.ProcessorCount > 1, "one processor, or not Linux");
        var placement = new ThreadPlacement();
        placement.MoveAway(); // nobody to move yet
        int before = 0, moved = 0, after = 0;
        using Barrier turns = new(2);
        var thread = new Thread(() =>
        {
            before = Allowed();
            placement.Enter();
            turns.SignalAndWait();
            turns.SignalAndWait();
            moved = Allowed();
            placement.Settle();
            after = Allowed();
            placement.Settle(); // and a second time does nothing
        });
        thread.Start();
        turns.SignalAndWait();
        placement.MoveAway();
        placement.MoveAway(); // the first time counts
        turns.SignalAndWait();
        thread.Join();
        Assert.Equal((before - 1, before), (moved, after));
    }

    // processors that the calling thread may run on
    private static int Allowed() => File.ReadLines("/proc/thread-self/status").Single(l => l.StartsWith("Cpus_allowed:", StringComparison.Ordinal))
        .Split('\t')[1].Split(',').Sum(word => BitOperations.PopCount(Convert.ToUInt32(word, 16)));
}
