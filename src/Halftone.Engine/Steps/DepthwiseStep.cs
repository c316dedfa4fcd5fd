using System.Collections.Immutable;
using Halftone.Engine.Compilation;
using Halftone.Engine.Execution;
using Halftone.Engine.Kernels.Depthwise;

namespace Halftone.Engine.Steps;

/// <summary>A depthwise convolution, or a part of one, line by line.</summary>
/// <param name="kernel">What computes a line.</param>
/// <param name="lines">Which lines.</param>
/// <param name="x">The input.</param>
/// <param name="y">The output.</param>
/// <param name="frame">Images whose border the step fills; null for none.</param>
/// <param name="padding">What with.</param>
/// <param name="nanoseconds">About how long it takes.</param>
internal sealed unsafe class DepthwiseStep(DepthwiseKernel kernel, ProductLines lines, Place x, Place y, ImageShape? frame, byte padding, long nanoseconds) : Step
{
    /// <summary>What is beyond the edges of images that have no border; null where they have one.</summary>
    public DepthwiseEdges? Edges { get; init; }

    public override int MostParts => lines.Images * lines.Lines;

    public override long Nanoseconds => nanoseconds;

    public override void Run(RunContext context, int part, int parts)
    {
        if (frame is not null)
        {
            Borders.Fill(y.At(context), frame, padding, part);
        }

        byte* from = x.At(context) + lines.InputOffset;
        byte* to = y.At(context) + lines.OutputOffset;
        int last = Share(MostParts, part + 1, parts);
        for (int at = Share(MostParts, part, parts); at < last;)
        {
            int image = at / lines.Lines;
            int line = at - (image * lines.Lines);
            int count = Alike(line, Math.Min(last - at, lines.Lines - line));
            byte* first = from + (image * lines.InputImage) + (line * lines.InputLine);
            byte* output = to + (image * lines.OutputImage) + (line * lines.OutputLine);
            (int First, int End) rows = Edges is null ? (0, int.MaxValue) : Edges.Rows[line];
            kernel.Run(new(first, output, Pixels(line))
            {
                Count = count,
                Stride = (nint)lines.InputLine,
                OutputStride = (nint)lines.OutputLine,
                Edges = Edges?.Line ?? LineEdges.None,
                FirstRow = rows.First,
                EndRow = rows.End,
                Padding = Edges is null ? null : Edges.Padding.At(context) - Edges.Before,
            });
            at += count;
        }
    }

    private int Pixels(int line) => line == lines.Lines - 1 ? lines.LastRows : lines.Rows;

    /// <summary>How many lines, at most so many, are alike from one on.</summary>
    private int Alike(int line, int most)
    {
        int count = 1;
        while (count < most && Pixels(line + count) == Pixels(line) && (Edges is null || Edges.Rows[line + count] == Edges.Rows[line]))
        {
            count++;
        }

        return count;
    }
}

/// <summary>What is beyond the edges of images.</summary>
/// <param name="Line">Taps beyond each line.</param>
/// <param name="Rows">For each line of outputs the kernel rows that are inside.</param>
/// <param name="Padding">A line of padding.</param>
/// <param name="Before">Bytes of a line that would be before its first pixel.</param>
internal sealed record DepthwiseEdges(LineEdges Line, ImmutableArray<(int First, int End)> Rows, Place Padding, int Before);
