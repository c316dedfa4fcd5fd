using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Diagnostics;
using Halftone.Engine.Memory;

namespace Halftone.Engine.Execution;

/// <summary>An input or output of a plan.</summary>
internal readonly record struct PlanValue(string Name, TensorType Type, int Slot);

/// <summary>A model compiled for inputs of known lengths. Runs may go on in several threads at once, each in a context of its own.</summary>
internal sealed class CompiledPlan(
    ImmutableArray<Step> steps, long arenaBytes, NativeBuffer constants, ImmutableArray<IDisposable> owned, ImmutableArray<PlanValue> inputs, ImmutableArray<PlanValue> outputs)
    : IDisposable
{
    // below, waking another thread takes longer than it saves
    private const long WorthSplitting = 3000;

    private readonly ConcurrentStack<RunContext> _contexts = new();
    private readonly Lock _lock = new();
    private RunContext? _last;

    /// <summary>The steps.</summary>
    public ImmutableArray<Step> Steps => steps;

    /// <summary>The inputs, in the order of the model.</summary>
    public ImmutableArray<PlanValue> Inputs => inputs;

    /// <summary>The outputs, in the order of the model.</summary>
    public ImmutableArray<PlanValue> Outputs => outputs;

    /// <summary>What each step writes; all else must stay as it is.</summary>
    public ImmutableArray<ImmutableArray<Place>> Writes { get; init; } = [];

    /// <summary>Products that may saturate.</summary>
    public ImmutableArray<NarrowProduct> NarrowProducts { get; init; } = [];

    /// <summary>Bytes of a context.</summary>
    public long ArenaBytes => arenaBytes;

    /// <summary>A context that no other run has; give it back.</summary>
    public RunContext Rent()
    {
        // the one most runs take is kept apart: a stack allocates a node a push
        lock (_lock)
        {
            if (_last is { } last)
            {
                _last = null;
                return last;
            }
        }

        return _contexts.TryPop(out RunContext? context) ? context : new RunContext(arenaBytes, constants, inputs.Length + outputs.Length);
    }

    /// <summary>Gives a context back.</summary>
    public void Return(RunContext context)
    {
        lock (_lock)
        {
            if (_last is null)
            {
                _last = context;
                return;
            }
        }

        _contexts.Push(context);
    }

    /// <summary>Runs all steps.</summary>
    /// <param name="context">A context whose caller's slots are set.</param>
    /// <param name="team">Threads that this run has taken; null for none.</param>
    public void Run(RunContext context, ThreadTeam? team)
    {
        team?.Wake();
        foreach (Step step in steps)
        {
            int parts = team is null || step.Nanoseconds < WorthSplitting ? 1 : Math.Min(team.Size, step.MostParts);
            if (parts <= 1)
            {
                step.Run(context, 0, 1);
            }
            else
            {
                team!.Run(step, context, parts);
            }
        }
    }

    /// <summary>Runs all steps in this thread and tells how long each took, in ticks of the stopwatch.</summary>
    public void Run(RunContext context, Action<int, long> watch)
    {
        for (int i = 0; i < steps.Length; i++)
        {
            long start = Stopwatch.GetTimestamp();
            steps[i].Run(context, 0, 1);
            watch(i, Stopwatch.GetTimestamp() - start);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _last?.Dispose();
        while (_contexts.TryPop(out RunContext? context))
        {
            context.Dispose();
        }

        constants.Dispose();
        foreach (IDisposable kernel in owned)
        {
            kernel.Dispose();
        }
    }
}
