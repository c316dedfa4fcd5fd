using Halftone.Engine.Compilation;
using Halftone.Engine.Execution;

namespace Halftone.Engine.Steps;

/// <summary>A step that makes images row by row.</summary>
internal abstract unsafe class ImageStep(Place y, ImageShape to, byte padding) : Step
{
    /// <inheritdoc/>
    public override int MostParts => to.Batch * to.Height;

    /// <inheritdoc/>
    public override long Nanoseconds => to.Bytes / 16;

    /// <summary>The images it makes.</summary>
    protected ImageShape To => to;

    /// <inheritdoc/>
    public override void Run(RunContext context, int part, int parts)
    {
        byte* images = y.At(context);
        Borders.Fill(images, to, padding, part);
        int last = Share(MostParts, part + 1, parts);
        for (int row = Share(MostParts, part, parts); row < last;)
        {
            int image = row / to.Height;
            int end = Math.Min(last, (image + 1) * to.Height);
            int before = image * to.Height;
            Rows(context, image, images + ((long)image * to.ImagePitch) + to.Origin, row - before, end - before);
            row = end;
        }
    }

    /// <summary>The first pixel of an image among others.</summary>
    protected static byte* Origin(Place place, RunContext context, ImageShape shape, int image) =>
        place.At(context) + ((long)image * shape.ImagePitch) + shape.Origin;

    /// <summary>Makes rows of an image.</summary>
    /// <param name="context">The run.</param>
    /// <param name="image">Which image.</param>
    /// <param name="y">Its first pixel.</param>
    /// <param name="first">The first row.</param>
    /// <param name="last">The row after the last.</param>
    protected abstract void Rows(RunContext context, int image, byte* y, int first, int last);
}
