using System.Collections.Immutable;
using Halftone.Engine.Execution;
using Halftone.Engine.Kernels;
using Halftone.Engine.Kernels.Depthwise;
using Halftone.Engine.Kernels.Products;
using Halftone.Engine.Steps;

namespace Halftone.Engine.Compilation;

/// <summary>A transposed convolution of codes to codes over images: a convolution of the input for each phase of the output, written where its pixels lie.</summary>
internal sealed class ConvTransposeUnit : Unit
{
    /// <summary>Lengths and strides.</summary>
    public required TransposedGeometry Geometry { get; init; }

    /// <summary>The input.</summary>
    public required Activation Input { get; init; }

    /// <summary>[channels, outputs / groups, kernel height, kernel width].</summary>
    public required Weights Weights { get; init; }

    /// <summary>In units of the sums.</summary>
    public required int[] Bias { get; init; }

    /// <summary>Name of the result's codes.</summary>
    public required string Output { get; init; }

    /// <summary>How sums become them.</summary>
    public required OutputCodes Codes { get; init; }

    /// <inheritdoc/>
    public override ImmutableArray<Need> Needs => [new(new(Input.Codes, Form.Image), Geometry.Border, Input.Range.ZeroPoint)];

    /// <inheritdoc/>
    public override ImmutableArray<Held> Makes => [new(Output, Form.Image)];

    private int GroupChannels => Geometry.Channels / Geometry.Groups;

    private int GroupOutputs => Geometry.Outputs / Geometry.Groups;

    /// <inheritdoc/>
    public override void Emit(PlanBuilder plan)
    {
        Place x = plan.Get(Input.Codes, Form.Image);
        (ImageShape from, ImageShape to) = (plan.ImageOf(Input.Codes), plan.ImageOf(Output));
        Place y = plan.Make(Output, Form.Image);
        Epilogue epilogue = Epilogues.ToCodes(Node, plan.Options.Requantization, Input.Range.Scale, c => Weights.Scale(c % GroupOutputs), Geometry.Outputs, Codes);
        ImageShape? frame = to; // the first step fills the border
        foreach (AxisPhase v in Geometry.Vertical.Phases)
        {
            foreach (AxisPhase h in Geometry.Horizontal.Phases)
            {
                var phase = new Phase(v, h, from, to);
                foreach (Step step in Geometry.IsDepthwise && Weights.Passes == 1 ? [Depthwise(plan, phase, epilogue, x, y, frame)] : Products(plan, phase, epilogue, x, y, frame))
                {
                    plan.Add(step, [x], [y]);
                    frame = null;
                }
            }
        }
    }

    private IEnumerable<Step> Products(PlanBuilder plan, Phase phase, Epilogue epilogue, Place x, Place y, ImageShape? frame)
    {
        for (int group = 0; group < Geometry.Groups; group++)
        {
            ProductProblem problem = Problem(phase, group, epilogue);
            ProductKernel kernel = plan.Own(plan.Product(problem, Weights));
            ProductLines lines = Lines(phase, group * GroupChannels, group * GroupOutputs);
            long nanoseconds = problem.Weights.LongLength * lines.Rows * lines.Lines * lines.Images / 300;
            yield return new ProductStep(kernel, lines, problem.SegmentOffsets.Length, [], x, y, group == 0 ? frame : null, plan.PaddingOf(Output), nanoseconds) { Name = Label };
        }
    }

    private DepthwiseStep Depthwise(PlanBuilder plan, Phase phase, Epilogue epilogue, Place x, Place y, ImageShape? frame)
    {
        (AxisPhase v, AxisPhase h, ImageShape from, ImageShape to) = phase;
        sbyte[] weights = new sbyte[Geometry.Channels * v.Window * h.Window];
        int[] bias = [.. Bias];
        for (int c = 0, at = 0; c < Geometry.Channels; c++)
        {
            foreach (int tap in Window(v, h))
            {
                weights[at] = tap < 0 ? (sbyte)0 : Weights.Parts[0][(c * Geometry.Vertical.Kernel * Geometry.Horizontal.Kernel) + tap];
                bias[c] = unchecked(bias[c] - (Input.Range.ZeroPoint * weights[at++]));
            }
        }

        var problem = new DepthwiseProblem
        {
            Channels = Geometry.Channels,
            KernelWidth = h.Window,
            RowOffsets = [.. Enumerable.Range(0, v.Window).Select(i => i * v.Spacing * from.RowPitch)],
            TapStride = h.Spacing * from.Channels,
            PixelStride = from.Channels,
            OutputStride = Geometry.Horizontal.Stride * to.Channels,
            Weights = weights,
            Bias = bias,
            Epilogue = epilogue,
        };
        DepthwiseKernel kernel = plan.Own(DepthwiseTiers.Choose(plan.Options.ChosenTier, problem).Build(problem));
        long nanoseconds = (long)weights.Length * h.Outputs * v.Outputs * Geometry.Batch / 100;
        return new DepthwiseStep(kernel, Lines(phase, 0, 0), x, y, frame, plan.PaddingOf(Output), nanoseconds) { Name = Label };
    }

    private ProductLines Lines(Phase phase, int firstInput, int firstOutput)
    {
        (AxisPhase v, AxisPhase h, ImageShape from, ImageShape to) = phase;
        long input = from.Origin + ((long)v.FirstPixel * from.RowPitch) + (h.FirstPixel * from.Channels) + firstInput;
        long output = to.Origin + ((long)v.FirstOutput * to.RowPitch) + (h.FirstOutput * to.Channels) + firstOutput;
        return new(v.Outputs, h.Outputs, h.Outputs, Geometry.Batch, input, from.RowPitch, from.ImagePitch, output, (long)Geometry.Vertical.Stride * to.RowPitch, to.ImagePitch);
    }

    private ProductProblem Problem(Phase phase, int group, Epilogue epilogue)
    {
        (AxisPhase v, AxisPhase h, ImageShape from, ImageShape to) = phase;
        bool taps = Geometry.Groups > 1 || h.Spacing > 1; // the taps of a kernel row are no neighbours
        List<int> offsets = [];
        for (int pass = 0; pass < Weights.Passes; pass++)
        {
            for (int i = 0; i < v.Window; i++)
            {
                for (int j = 0; j < (taps ? h.Window : 1); j++)
                {
                    offsets.Add((i * v.Spacing * from.RowPitch) + (j * h.Spacing * from.Channels));
                }
            }
        }

        int first = group * GroupOutputs;
        (sbyte[] weights, int[] sums) = Ordered(group, [.. Window(v, h)]);
        return new ProductProblem
        {
            Channels = GroupOutputs,
            SegmentBytes = (taps ? 1 : h.Window) * GroupChannels,
            SegmentOffsets = [.. offsets],
            RowStride = from.Channels,
            OutputStride = Geometry.Horizontal.Stride * to.Channels,
            Weights = weights,
            Bias = [.. sums.Select((sum, o) => unchecked(Bias[first + o] - (Input.Range.ZeroPoint * sum)))],
            Epilogue = Epilogues.Part(epilogue, first, GroupOutputs),
            LineRows = h.Outputs,
        };
    }

    /// <summary>The taps of a phase's window, in the order of the pixels; -1 for none.</summary>
    private IEnumerable<int> Window(AxisPhase v, AxisPhase h) =>
        from i in Enumerable.Range(0, v.Window)
        from j in Enumerable.Range(0, h.Window)
        select v.Taps.IsEmpty || h.Taps.IsEmpty ? -1 : (v.Taps[i] * Geometry.Horizontal.Kernel) + h.Taps[j];

    /// <summary>[output, pass, tap, channel] of a group, and what each output's weights add up to.</summary>
    private (sbyte[] Weights, int[] Sums) Ordered(int group, int[] window)
    {
        int area = Geometry.Vertical.Kernel * Geometry.Horizontal.Kernel;
        var ordered = new sbyte[GroupOutputs * Weights.Passes * window.Length * GroupChannels];
        var sums = new int[GroupOutputs];
        int at = 0;
        for (int o = 0; o < GroupOutputs; o++)
        {
            for (int pass = 0; pass < Weights.Passes; pass++)
            {
                sbyte[] from = Weights.Parts[pass];
                foreach (int tap in window)
                {
                    for (int c = 0; c < GroupChannels; c++, at++)
                    {
                        ordered[at] = tap < 0 ? (sbyte)0 : from[((((group * GroupChannels) + c) * GroupOutputs) + o) * area + tap];
                        sums[o] += ordered[at];
                    }
                }
            }
        }

        return (ordered, sums);
    }

    /// <summary>Outputs that see the same taps, and where they lie.</summary>
    private readonly record struct Phase(AxisPhase Vertical, AxisPhase Horizontal, ImageShape From, ImageShape To);
}
