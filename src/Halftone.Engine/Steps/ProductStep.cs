using System.Collections.Immutable;
using Halftone.Engine.Compilation;
using Halftone.Engine.Execution;
using Halftone.Engine.Kernels.Products;

namespace Halftone.Engine.Steps;

/// <summary>Lines of rows that a product kernel goes over.</summary>
/// <param name="Lines">Lines of an image, or pieces of a matrix.</param>
/// <param name="Rows">Rows of a line.</param>
/// <param name="LastRows">Rows of the last line, where lines are pieces of one matrix; else those of any.</param>
/// <param name="Images">Images, each of so many lines.</param>
/// <param name="InputOffset">Where the first row begins in the input.</param>
/// <param name="InputLine">Bytes from a line of the input to the next.</param>
/// <param name="InputImage">Bytes from an image of the input to the next.</param>
/// <param name="OutputOffset">Where the first row of the output begins.</param>
/// <param name="OutputLine">Bytes from a line of the output to the next.</param>
/// <param name="OutputImage">Bytes from an image of the output to the next.</param>
/// <param name="OthersOffset">Where what is added to the first row begins.</param>
/// <param name="OthersLine">Bytes from a line of what is added to the next.</param>
/// <param name="OthersImage">Bytes from an image of what is added to the next.</param>
internal sealed record ProductLines(
    int Lines,
    int Rows,
    int LastRows,
    int Images,
    long InputOffset,
    long InputLine,
    long InputImage,
    long OutputOffset,
    long OutputLine,
    long OutputImage,
    long OthersOffset = 0,
    long OthersLine = 0,
    long OthersImage = 0);

/// <summary>A convolution, or a part of one, or a matrix product.</summary>
/// <param name="kernel">What computes rows.</param>
/// <param name="lines">Which rows.</param>
/// <param name="allSegments">Segments of the kernel.</param>
/// <param name="segments">For each line of an image the segments that may be other than zero; empty where all count.</param>
/// <param name="x">The input.</param>
/// <param name="y">The output.</param>
/// <param name="frame">Images whose border the step fills; null for none.</param>
/// <param name="padding">What with.</param>
/// <param name="nanoseconds">About how long it takes.</param>
internal sealed unsafe class ProductStep(
    ProductKernel kernel, ProductLines lines, int allSegments, ImmutableArray<(int First, int Count)> segments, Place x, Place y, ImageShape? frame, byte padding, long nanoseconds) : Step
{
    /// <summary>What is added to the output's codes; null for nothing.</summary>
    public Place? Others { get; init; }

    /// <summary>Bytes that the weights take as the kernel keeps them.</summary>
    public long WeightBytes => kernel.WeightBytes;

    /// <summary>Whether parts are lines with all their channels, not channels of all lines: then a thread finds most of its input where it left it itself, and every thread reads all weights.</summary>
    public bool ByLines { get; init; }

    public override int MostParts => Lines * kernel.Panels;

    public override long Nanoseconds => nanoseconds;

    private int Lines => lines.Lines * lines.Images;

    public override void Run(RunContext context, int part, int parts)
    {
        if (frame is not null)
        {
            Borders.Fill(y.At(context), frame, padding, part);
        }

        // a panel's weights stay in the cache while lines go by
        if (ByLines && parts <= Lines)
        {
            for (int panel = 0; panel < kernel.Panels; panel++)
            {
                Panel(context, panel, Share(Lines, part, parts), Share(Lines, part + 1, parts));
            }

            return;
        }

        int last = Share(Lines * kernel.Panels, part + 1, parts);
        for (int at = Share(Lines * kernel.Panels, part, parts); at < last;)
        {
            int panel = at / Lines;
            int end = Math.Min(last, (panel + 1) * Lines);
            Panel(context, panel, at - (panel * Lines), end - (panel * Lines));
            at = end;
        }
    }

    private void Panel(RunContext context, int panel, int first, int last)
    {
        while (first < last)
        {
            first += Some(context, first, last - first, panel);
        }
    }

    /// <summary>Computes lines that are alike, at most so many.</summary>
    /// <returns>How many.</returns>
    private int Some(RunContext context, int number, int most, int panel)
    {
        int image = number / lines.Lines;
        int line = number - (image * lines.Lines);
        byte* a = x.At(context) + lines.InputOffset + (image * lines.InputImage) + (line * lines.InputLine);
        byte* c = y.At(context) + lines.OutputOffset + (image * lines.OutputImage) + (line * lines.OutputLine);
        byte* others = Others is null ? null : Others.At(context) + lines.OthersOffset + (image * lines.OthersImage) + (line * lines.OthersLine);
        int rows = line == lines.Lines - 1 ? lines.LastRows : lines.Rows;
        (int First, int Count) range = segments.IsEmpty ? (0, allSegments) : segments[line];
        int count = 1;
        while (count < most && line + count < lines.Lines && (line + count < lines.Lines - 1 || lines.LastRows == rows) && (segments.IsEmpty || segments[line + count] == range))
        {
            count++;
        }

        kernel.Run(a, c, new(count, rows, lines.InputLine, lines.OutputLine, lines.OthersLine), panel, 1, range.First, range.Count, others);
        return count;
    }
}
