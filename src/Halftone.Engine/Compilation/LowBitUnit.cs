using System.Collections.Immutable;
using Halftone.Engine.Execution;
using Halftone.Engine.Kernels.LowBit;
using Halftone.Engine.Steps;

namespace Halftone.Engine.Compilation;

/// <summary>A product of float rows and a constant weight of few bits, which stays packed.</summary>
internal sealed class LowBitUnit : Unit
{
    /// <summary>Name of the rows.</summary>
    public required string Input { get; init; }

    /// <summary>Number of rows.</summary>
    public required int Rows { get; init; }

    /// <summary>The weight, read when the unit is emitted.</summary>
    public required Func<LowBitProblem> Problem { get; init; }

    /// <inheritdoc/>
    public override ImmutableArray<Need> Needs => [new(new(Input, Form.Dense))];

    /// <inheritdoc/>
    public override ImmutableArray<Held> Makes => [new(Node.Output(0), Form.Dense)];

    /// <inheritdoc/>
    public override void Emit(PlanBuilder plan)
    {
        LowBitProblem problem = Problem();
        LowBitKernel kernel = plan.Own(LowBitTiers.Choose(plan.Options.ChosenTier).Build(problem));
        Place x = plan.Get(Input, Form.Dense);
        Place y = plan.Make(Node.Output(0), Form.Dense);
        long pitch = (kernel.ScratchBytes(Rows) + 63) / 64 * 64;
        Place scratch = plan.Allocate(Math.Max(pitch, 64) * plan.Options.Threads);
        long nanoseconds = (long)problem.K * problem.N * Rows / 100;
        plan.Add(new LowBitStep(kernel, x, y, Rows, scratch, pitch, plan.Options.Threads, nanoseconds) { Name = Label }, [x], [y, scratch]);
    }
}
