using Halftone.Engine.Compilation;
using Halftone.Engine.Execution;
using Halftone.Engine.Kernels.Winograd;

namespace Halftone.Engine.Steps;

/// <summary>A convolution in the transformed domain, blocks of tiles.</summary>
/// <param name="kernel">What computes them.</param>
/// <param name="x">The input, and where its padding begins.</param>
/// <param name="y">The output, and where its first pixel is.</param>
/// <param name="others">What is added to the output's codes, and where its first pixel is; null for nothing.</param>
/// <param name="scratch">Scratch memory of each part.</param>
/// <param name="frame">Images whose border the step fills.</param>
/// <param name="padding">What with.</param>
/// <param name="threads">Most parts.</param>
/// <param name="nanoseconds">About how long it takes.</param>
internal sealed unsafe class WinogradStep(
    WinogradKernel kernel, (Place Place, long Offset) x, (Place Place, long Offset) y, (Place Place, long Offset)? others, Place scratch, ImageShape frame, byte padding, int threads, long nanoseconds) : Step
{
    /// <summary>Bytes that the weights take as the kernel keeps them.</summary>
    public long WeightBytes => kernel.WeightBytes;

    public override int MostParts => Math.Min(threads, kernel.Blocks);

    public override long Nanoseconds => nanoseconds;

    public override void Run(RunContext context, int part, int parts)
    {
        Borders.Fill(y.Place.At(context), frame, padding, part);
        byte* added = others is { } o ? o.Place.At(context) + o.Offset : null;
        kernel.Run(
            x.Place.At(context) + x.Offset, y.Place.At(context) + y.Offset, added, Share(kernel.Blocks, part, parts), Share(kernel.Blocks, part + 1, parts), scratch.At(context) + (part * kernel.ScratchBytes));
    }
}
