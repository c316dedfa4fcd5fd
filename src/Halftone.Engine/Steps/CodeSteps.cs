using Halftone.Engine.Compilation;
using Halftone.Engine.Execution;
using Halftone.Engine.Kernels.Pointwise;

namespace Halftone.Engine.Steps;

/// <summary>Floats [N, C, H, W] to images of codes.</summary>
internal sealed unsafe class QuantizeImages(Place from, QuantizedRange range, Place y, ImageShape to, byte padding) : ImageStep(y, to, padding)
{
    protected override void Rows(RunContext context, int image, byte* y, int first, int last) =>
        LinearQuantization.QuantizeImage((float*)from.At(context) + ((long)image * To.Channels * To.Height * To.Width), y, To.Layout, range, first, last);
}

/// <summary>Floats to codes, row-major.</summary>
internal sealed unsafe class QuantizeCodes(Place from, QuantizedRange range, Place y, ImageShape to) : ImageStep(y, to, 0)
{
    protected override void Rows(RunContext context, int image, byte* y, int first, int last) =>
        LinearQuantization.QuantizeRow((float*)from.At(context) + ((long)first * To.Channels), y + ((long)first * To.Channels), (last - first) * To.Channels, range);
}

/// <summary>Images of codes to floats [N, C, H, W].</summary>
internal sealed unsafe class DequantizeImages(Place from, ImageShape image, QuantizedRange range, Place to) : Step
{
    public override int MostParts => image.Batch;

    public override long Nanoseconds => image.Bytes / 4;

    public override void Run(RunContext context, int part, int parts)
    {
        int last = Share(MostParts, part + 1, parts);
        for (int i = Share(MostParts, part, parts); i < last; i++)
        {
            byte* x = from.At(context) + ((long)i * image.ImagePitch) + image.Origin;
            float* y = (float*)to.At(context) + ((long)i * image.Channels * image.Height * image.Width);
            LinearQuantization.DequantizeImage(x, image.Layout, y, range, 0, image.Height);
        }
    }
}

/// <summary>Codes to floats, row-major.</summary>
internal sealed unsafe class DequantizeCodes(Place from, int count, QuantizedRange range, Place to) : Step
{
    public override long Nanoseconds => count / 16;

    public override void Run(RunContext context, int part, int parts) => LinearQuantization.DequantizeRow(from.At(context), (float*)to.At(context), count, range);
}

/// <summary>Packed codes to codes of bytes.</summary>
internal sealed unsafe class UnpackStep(PackedCodes codes, Place from, int count, Place to) : Step
{
    private const int Piece = 1 << 14; // a multiple of the codes of a byte

    public override int MostParts => (count + Piece - 1) / Piece;

    public override long Nanoseconds => count / 4;

    public override void Run(RunContext context, int part, int parts)
    {
        int first = Share(MostParts, part, parts) * Piece;
        int last = Math.Min(count, Share(MostParts, part + 1, parts) * Piece);
        codes.Unpack(from.At(context) + (first / codes.Together), to.At(context) + first, last - first);
    }
}

/// <summary>A table's entries for codes.</summary>
internal sealed unsafe class TableStep(Place x, ImageShape from, Place table, Place y, ImageShape to, byte padding) : ImageStep(y, to, padding)
{
    protected override void Rows(RunContext context, int image, byte* y, int first, int last) =>
        LookupTable.Image(table.At(context), Origin(x, context, from, image), from.Layout, y, To.Layout, first, last);
}

/// <summary>An operation on codes of two operands of the same shape.</summary>
internal sealed unsafe class BinaryStep<TStep>(QuantizedBinary range, Place a, ImageShape aShape, Place b, ImageShape bShape, Place y, ImageShape to, byte padding)
    : ImageStep(y, to, padding)
    where TStep : struct, IBinaryStep<TStep>
{
    protected override void Rows(RunContext context, int image, byte* y, int first, int last) =>
        Elementwise.Images<TStep>(range, Origin(a, context, aShape, image), aShape.Layout, Origin(b, context, bShape, image), bShape.Layout, y, To.Layout, first, last);
}

/// <summary>An operation on codes whose second operand is one code a channel, for each image or for all.</summary>
internal sealed unsafe class ChannelStep<TStep>(QuantizedBinary range, Place a, ImageShape aShape, Place b, int bImagePitch, Place y, ImageShape to, byte padding)
    : ImageStep(y, to, padding)
    where TStep : struct, IBinaryStep<TStep>
{
    protected override void Rows(RunContext context, int image, byte* y, int first, int last) =>
        Elementwise.PerChannel<TStep>(range, Origin(a, context, aShape, image), aShape.Layout, b.At(context) + ((long)image * bImagePitch), y, To.Layout, first, last);
}

/// <summary>The largest codes of windows.</summary>
internal sealed unsafe class MaxPoolStep(PoolWindow window, Place x, ImageShape from, Place y, ImageShape to, byte padding) : ImageStep(y, to, padding)
{
    public override long Nanoseconds => To.Bytes * window.Vertical.Kernel * window.Horizontal.Kernel / 32;

    protected override void Rows(RunContext context, int image, byte* y, int first, int last) =>
        MaxPool.Run(window, Origin(x, context, from, image), from.Layout, y, To.Layout, first, last);
}

/// <summary>Means of windows.</summary>
internal sealed unsafe class AveragePoolStep(
    PoolWindow window, bool countPad, QuantizedRange xRange, QuantizedRange yRange, Place x, ImageShape from, Place y, ImageShape to, byte padding) : ImageStep(y, to, padding)
{
    public override long Nanoseconds => To.Bytes * window.Vertical.Kernel * window.Horizontal.Kernel / 8;

    protected override void Rows(RunContext context, int image, byte* y, int first, int last) =>
        AveragePool.Run(window, countPad, xRange, yRange, Origin(x, context, from, image), from.Layout, y, To.Layout, first, last);
}

/// <summary>Means of whole images.</summary>
internal sealed unsafe class GlobalPoolStep(QuantizedRange xRange, QuantizedRange yRange, Place x, ImageShape from, Place y, ImageShape to, byte padding)
    : ImageStep(y, to, padding)
{
    public override long Nanoseconds => from.Bytes / 16;

    protected override void Rows(RunContext context, int image, byte* y, int first, int last) =>
        GlobalAveragePool.Run(xRange, yRange, Origin(x, context, from, image), from.Layout, y, 0, To.Channels);
}

/// <summary>Channels of several images one after another, each through a table where its codes stand for other numbers.</summary>
internal sealed unsafe class ConcatStep(Place[] x, ImageShape[] from, Place?[] tables, Place y, ImageShape to, byte padding) : ImageStep(y, to, padding)
{
    protected override void Rows(RunContext context, int image, byte* y, int first, int last)
    {
        int channel = 0;
        for (int i = 0; i < x.Length; i++)
        {
            ImageLayout layout = from[i].Layout;
            byte* table = tables[i] is { } place ? place.At(context) : null;
            byte* a = Origin(x[i], context, from[i], image);
            for (int row = first; row < last; row++)
            {
                byte* line = y + ((long)row * To.RowPitch) + channel;
                LayoutChange.CopyRows(a + ((long)row * layout.RowPitch), layout.Channels, line, To.Channels, layout.Channels, layout.Width, table);
            }

            channel += layout.Channels;
        }
    }
}

/// <summary>Images as they are, but for their borders.</summary>
internal sealed unsafe class CopyImages(Place x, ImageShape from, Place y, ImageShape to, byte padding) : ImageStep(y, to, padding)
{
    protected override void Rows(RunContext context, int image, byte* y, int first, int last) =>
        LayoutChange.CopyImage(Origin(x, context, from, image), from.Layout, y, To.Layout, first, last);
}

/// <summary>Boxes cut out of images, through a table where their codes stand for other numbers.</summary>
internal sealed unsafe class PieceStep(Place x, ImageShape from, (int Row, int Column, int Channel) begin, Place? table, Place y, ImageShape to, byte padding) : ImageStep(y, to, padding)
{
    protected override void Rows(RunContext context, int image, byte* y, int first, int last)
    {
        byte* codes = table is null ? null : table.At(context);
        byte* a = Origin(x, context, from, image) + ((long)begin.Row * from.RowPitch) + ((long)begin.Column * from.Channels) + begin.Channel;
        (int bytes, int pieces) = from.Channels == To.Channels ? (To.Width * To.Channels, 1) : (To.Channels, To.Width);
        for (int row = first; row < last; row++)
        {
            LayoutChange.CopyRows(a + ((long)row * from.RowPitch), from.Channels, y + ((long)row * To.RowPitch), To.Channels, bytes, pieces, codes);
        }
    }
}

/// <summary>Bytes as they are.</summary>
internal sealed unsafe class CopyStep(Place from, Place to, long bytes) : Step
{
    public override long Nanoseconds => bytes / 32;

    public override void Run(RunContext context, int part, int parts) => Buffer.MemoryCopy(from.At(context), to.At(context), bytes, bytes);
}
