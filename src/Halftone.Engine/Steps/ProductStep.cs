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
internal sealed record ProductLines(
    int Lines, int Rows, int LastRows, int Images, long InputOffset, long InputLine, long InputImage, long OutputOffset, long OutputLine, long OutputImage);

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
    private int Lines => lines.Lines * lines.Images;

    public override int MostParts => Lines * kernel.Panels;

    public override long Nanoseconds => nanoseconds;

    public override void Run(RunContext context, int part, int parts)
    {
        if (frame is not null)
        {
            Borders.Fill(y.At(context), frame, padding, part);
        }

        byte* from = x.At(context) + lines.InputOffset;
        byte* to = y.At(context) + lines.OutputOffset;
        int last = Share(Lines * kernel.Panels, part + 1, parts);
        for (int at = Share(Lines * kernel.Panels, part, parts); at < last;)
        {
            // a panel's weights stay in the cache while lines go by
            int panel = at / Lines;
            int end = Math.Min(last, (panel + 1) * Lines) - (panel * Lines);
            for (int line = at - (panel * Lines); line < end;)
            {
                line += Some(from, to, line, end - line, panel);
            }

            at = (panel * Lines) + end;
        }
    }

    /// <summary>Computes lines that are alike, at most so many.</summary>
    /// <returns>How many.</returns>
    private int Some(byte* from, byte* to, int number, int most, int panel)
    {
        int image = number / lines.Lines;
        int line = number - (image * lines.Lines);
        byte* a = from + (image * lines.InputImage) + (line * lines.InputLine);
        byte* c = to + (image * lines.OutputImage) + (line * lines.OutputLine);
        int rows = line == lines.Lines - 1 ? lines.LastRows : lines.Rows;
        (int First, int Count) range = segments.IsEmpty ? (0, allSegments) : segments[line];
        int count = 1;
        while (count < most && line + count < lines.Lines && (line + count < lines.Lines - 1 || lines.LastRows == rows) && (segments.IsEmpty || segments[line + count] == range))
        {
            count++;
        }

        kernel.Run(a, c, new(count, rows, lines.InputLine, lines.OutputLine), panel, 1, range.First, range.Count);
        return count;
    }
}
