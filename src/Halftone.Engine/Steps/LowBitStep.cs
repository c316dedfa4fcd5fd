using Halftone.Engine.Execution;
using Halftone.Engine.Kernels.LowBit;

namespace Halftone.Engine.Steps;

/// <summary>A product by low-bit weights, split by panels.</summary>
internal sealed unsafe class LowBitStep(LowBitKernel kernel, Place x, Place y, int rows, Place scratch, long pitch, int threads, long nanoseconds) : Step
{
    public override int MostParts => Math.Min(kernel.Panels, threads);

    public override long Nanoseconds => nanoseconds;

    public override void Run(RunContext context, int part, int parts)
    {
        int first = Share(kernel.Panels, part, parts);
        kernel.Run((float*)x.At(context), (float*)y.At(context), rows, first, Share(kernel.Panels, part + 1, parts) - first, scratch.At(context) + (part * pitch));
    }
}
