using System.Collections.Immutable;
using Halftone.Engine.Dense;
using Halftone.Engine.Execution;

namespace Halftone.Engine.Steps;

/// <summary>An operator on row-major values.</summary>
internal sealed unsafe class DenseStep(DensePlan plan, ImmutableArray<Place?> inputs, ImmutableArray<Place?> outputs, Place? scratch, long nanoseconds) : Step
{
    /// <summary>Parts at most, where each needs scratch memory.</summary>
    public const int MostScratchParts = 64;

    public override int MostParts => scratch is null ? plan.MostParts : Math.Min(plan.MostParts, MostScratchParts);

    public override long Nanoseconds => nanoseconds;

    /// <summary>Bytes of scratch memory a part takes, a multiple of what keeps them apart.</summary>
    public static long ScratchPitch(DensePlan plan) => (plan.ScratchBytes + 63L) / 64 * 64;

    public override void Run(RunContext context, int part, int parts)
    {
        byte** from = stackalloc byte*[inputs.Length + 1];
        byte** to = stackalloc byte*[outputs.Length + 1];
        for (int i = 0; i < inputs.Length; i++)
        {
            from[i] = inputs[i] is { } place ? place.At(context) : null;
        }

        for (int i = 0; i < outputs.Length; i++)
        {
            to[i] = outputs[i] is { } place ? place.At(context) : null;
        }

        byte* own = scratch is null ? null : scratch.At(context) + (part * ScratchPitch(plan));
        plan.Kernel(from, to, own, part, parts);
    }
}
