using Halftone.Engine.Compilation;
using Halftone.Engine.Execution;
using Halftone.Engine.Kernels.Pointwise;

namespace Halftone.Engine.Steps;

/// <summary>Images to row-major codes [N, C, H, W].</summary>
internal sealed unsafe class ImageToCodes(Place from, ImageShape image, Place to) : Step
{
    private int Rows => image.Batch * image.Height;

    public override int MostParts => Rows;

    public override long Nanoseconds => image.Bytes / 8;

    public override void Run(RunContext context, int part, int parts)
    {
        int last = Share(Rows, part + 1, parts);
        for (int row = Share(Rows, part, parts); row < last;)
        {
            int batch = row / image.Height;
            int end = Math.Min(last, (batch + 1) * image.Height);
            byte* x = from.At(context) + ((long)batch * image.ImagePitch) + image.Origin;
            byte* y = to.At(context) + ((long)batch * image.Channels * image.Height * image.Width);
            LayoutChange.NhwcToNchw(x, image.Layout, y, row - (batch * image.Height), end - (batch * image.Height));
            row = end;
        }
    }
}

/// <summary>Row-major codes [N, C, H, W] to images.</summary>
internal sealed unsafe class CodesToImage(Place from, Place y, ImageShape to, byte padding) : ImageStep(y, to, padding)
{
    protected override void Rows(RunContext context, int image, byte* y, int first, int last) =>
        LayoutChange.NchwToNhwc(from.At(context) + ((long)image * To.Channels * To.Height * To.Width), y, To.Layout, first, last);
}

/// <summary>Bytes with their highest bit flipped, which makes codes of int8 values and back, or copied.</summary>
internal sealed unsafe class FlipSign(Place from, Place to, int count, byte mask) : Step
{
    public override long Nanoseconds => count / 32;

    public override void Run(RunContext context, int part, int parts) => LayoutChange.XorBytes(from.At(context), to.At(context), count, mask);
}

/// <summary>The frames around images.</summary>
internal static unsafe class Borders
{
    /// <summary>Fills the frames of a batch; the first part of a step does, since a frame is apart from what all parts write.</summary>
    public static void Fill(byte* images, ImageShape image, byte padding, int part)
    {
        if (part > 0 || image.IsDense)
        {
            return;
        }

        for (int i = 0; i < image.Batch; i++)
        {
            Border b = image.Border;
            LayoutChange.FillBorder(images + ((long)i * image.ImagePitch) + image.Origin, image.Layout, b.Top, b.Left, b.Bottom, b.Right, padding);
        }
    }
}
