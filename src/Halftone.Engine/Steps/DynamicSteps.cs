using Halftone.Engine.Compilation;
using Halftone.Engine.Execution;
using Halftone.Engine.Kernels.Pointwise;

namespace Halftone.Engine.Steps;

/// <summary>Scale and zero point of floats by the range they have at that run.</summary>
internal sealed unsafe class DynamicRangeStep(Place from, int count, Place scale, Place zero) : Step
{
    public override long Nanoseconds => count / 16;

    public override void Run(RunContext context, int part, int parts)
    {
        QuantizedRange range = DynamicRange.Of((float*)from.At(context), count);
        *(float*)scale.At(context) = range.Scale;
        *zero.At(context) = range.ZeroPoint;
    }
}

/// <summary>Floats [N, C, H, W] to images of codes, or row-major ones to such codes, by a scale and a zero point known at run time.</summary>
internal sealed unsafe class DynamicQuantizeStep(Place from, Place scale, Place zero, bool planes, Place y, ImageShape to) : ImageStep(y, to, 0)
{
    protected override void Rows(RunContext context, int image, byte* y, int first, int last)
    {
        var range = new QuantizedRange(*(float*)scale.At(context), *zero.At(context));
        float* x = (float*)from.At(context) + ((long)image * To.Channels * To.Height * To.Width);
        if (planes)
        {
            LinearQuantization.QuantizeImage(x, y, To.Layout, range, first, last);
        }
        else
        {
            LinearQuantization.QuantizeRow(x + ((long)first * To.Channels), y + ((long)first * To.Channels), (last - first) * To.Channels, range);
        }
    }
}

/// <summary>The border of images, filled with a zero point known at run time.</summary>
internal sealed unsafe class BorderStep(Place images, ImageShape shape, Place zero, byte mask) : Step
{
    public override void Run(RunContext context, int part, int parts) => Borders.Fill(images.At(context), shape, (byte)(*zero.At(context) ^ mask), part);
}

/// <summary>The values that <see cref="SumsEnd"/> takes at run time.</summary>
/// <param name="Columns">What each channel's weights add up to.</param>
/// <param name="Zero">The zero point of the codes, as ONNX has it; null where the sums are without it already.</param>
/// <param name="Mask">What makes it one of unsigned codes.</param>
/// <param name="Factor">Scale of the codes, or null.</param>
/// <param name="Scales">One scale or one a channel; null where sums stay integers.</param>
/// <param name="Bias">One bias or one a channel, or null.</param>
internal sealed record SumsPlaces(Place Columns, Place? Zero, byte Mask, Place? Factor, Place? Scales, Place? Bias)
{
    /// <summary>All of them.</summary>
    public Place[] All => [Columns, .. ((Place?[])[Zero, Factor, Scales, Bias]).OfType<Place>()];

    /// <summary>Reads them.</summary>
    public unsafe SumsEnd At(RunContext context) => new(
        (nint)Columns.At(context),
        Zero is null ? 0 : *Zero.At(context) ^ Mask,
        Factor is null ? 1 : *(float*)Factor.At(context),
        Scales is null ? 0 : (nint)Scales.At(context),
        Scales?.Bytes > sizeof(float),
        Bias is null ? 0 : (nint)Bias.At(context),
        Bias?.Bytes > sizeof(float));
}

/// <summary>Ends rows of sums where they lie.</summary>
internal sealed unsafe class SumsRowsStep(SumsPlaces places, Place y, int rows, int channels) : Step
{
    public override int MostParts => rows;

    public override long Nanoseconds => (long)rows * channels / 8;

    public override void Run(RunContext context, int part, int parts)
    {
        SumsEnd end = places.At(context);
        int last = Share(rows, part + 1, parts);
        for (int row = Share(rows, part, parts); row < last; row++)
        {
            float* at = (float*)y.At(context) + ((long)row * channels);
            end.Row((int*)at, at, 0, channels);
        }
    }
}

/// <summary>Ends sums of images, channels last, as row-major planes.</summary>
internal sealed unsafe class SumsPlanesStep(SumsPlaces places, Place sums, Place y, ImageShape image) : Step
{
    public override int MostParts => image.Batch * image.Height;

    public override long Nanoseconds => image.Bytes;

    public override void Run(RunContext context, int part, int parts)
    {
        SumsEnd end = places.At(context);
        int last = Share(MostParts, part + 1, parts);
        for (int row = Share(MostParts, part, parts); row < last;)
        {
            int batch = row / image.Height;
            int until = Math.Min(last, (batch + 1) * image.Height);
            long offset = (long)batch * image.ImagePitch;
            int first = (row - (batch * image.Height)) * image.Width;
            end.Planes((int*)sums.At(context) + offset, (float*)y.At(context) + offset, image.Channels, image.Height * image.Width, first, first + ((until - row) * image.Width));
            row = until;
        }
    }
}
