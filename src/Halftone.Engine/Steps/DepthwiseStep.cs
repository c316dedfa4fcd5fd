using Halftone.Engine.Compilation;
using Halftone.Engine.Execution;
using Halftone.Engine.Kernels.Depthwise;

namespace Halftone.Engine.Steps;

/// <summary>A depthwise convolution, line by line.</summary>
/// <param name="kernel">What computes a line.</param>
/// <param name="x">The input.</param>
/// <param name="from">Its images.</param>
/// <param name="first">Bytes to the first tap of an image's first output.</param>
/// <param name="stride">Lines of the input from a line of the output to the next.</param>
/// <param name="y">The output.</param>
/// <param name="to">Its images.</param>
/// <param name="padding">What fills their border.</param>
/// <param name="nanoseconds">About how long it takes.</param>
internal sealed unsafe class DepthwiseStep(
    DepthwiseKernel kernel, Place x, ImageShape from, int first, int stride, Place y, ImageShape to, byte padding, long nanoseconds) : Step
{
    public override int MostParts => to.Batch * to.Height;

    public override long Nanoseconds => nanoseconds;

    public override void Run(RunContext context, int part, int parts)
    {
        Borders.Fill(y.At(context), to, padding, part);
        int last = Share(MostParts, part + 1, parts);
        for (int at = Share(MostParts, part, parts); at < last; at++)
        {
            int image = at / to.Height;
            int line = at - (image * to.Height);
            byte* a = x.At(context) + ((long)image * from.ImagePitch) + first + ((long)line * stride * from.RowPitch);
            kernel.Run(a, y.At(context) + ((long)image * to.ImagePitch) + to.Origin + ((long)line * to.RowPitch), to.Width);
        }
    }
}
