using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using Halftone.Engine.Execution;
using Halftone.Engine.Kernels;
using Halftone.Engine.Kernels.Depthwise;
using Halftone.Engine.Kernels.Products;
using Halftone.Engine.Steps;

namespace Halftone.Engine.Compilation;

/// <summary>A convolution of codes to codes over images.</summary>
internal sealed partial class ConvUnit : Unit, IResidualUnit
{
    /// <summary>Lengths and strides.</summary>
    public required ConvGeometry Geometry { get; init; }

    /// <summary>The input.</summary>
    public required Activation Input { get; init; }

    /// <summary>[outputs, channels / groups, kernel height, kernel width].</summary>
    public required Weights Weights { get; init; }

    /// <summary>In units of the sums.</summary>
    public required int[] Bias { get; init; }

    /// <summary>Name of the result's codes.</summary>
    public required string Output { get; init; }

    /// <summary>How sums become them.</summary>
    public required OutputCodes Codes { get; init; }

    /// <summary>Whether the input's zero point is known at run time only: then sums are of the codes as they are.</summary>
    public bool ZeroAtRunTime { get; init; }

    /// <inheritdoc/>
    public Residual? Residual { get; set; }

    /// <inheritdoc/>
    public Held? Addable => Geometry.IsDepthwise ? null : new(Output, Form.Image);

    /// <inheritdoc/>
    public override ImmutableArray<Need> Needs =>
    [
        new(new(Input.Codes, Form.Image), TakesEdges ? default : Geometry.Border, Input.Range.ZeroPoint, Bare: IsDepthwise ? TakesEdges && Geometry.Channels % 16 == 0 : SegmentBytes % 4 == 0),
        .. Residual is null ? (ImmutableArray<Need>)[] : [new(new(Residual.Other.Codes, Form.Image), Bare: true)],
    ];

    /// <inheritdoc/>
    public override ImmutableArray<Held> Makes => [new(Result, Form.Image)];

    private string Result => Residual?.Output ?? Output;

    /// <summary>About how many products a thread does in a nanosecond.</summary>
    internal const int ProductsPerNanosecond = 200;

    // beyond, the taps that padding saves are too few to pay for code of their own
    private const int WidestSkip = 40;

    private ConvAxis V => Geometry.Vertical;

    private ConvAxis H => Geometry.Horizontal;

    private int GroupChannels => Geometry.Channels / Geometry.Groups;

    private int GroupOutputs => Geometry.Outputs / Geometry.Groups;

    private bool IsDepthwise => Geometry.IsDepthwise && Weights.Passes == 1;

    /// <summary>Whether a depthwise kernel makes up what is beyond the edges itself, so that images need no border: 3 taps a row, no more than one of them outside.</summary>
    private bool TakesEdges =>
        IsDepthwise && !ZeroAtRunTime && H is { Kernel: DepthwiseProblem.EdgeTaps, Dilation: 1, Stride: 1 or 2, Before: 0 or 1, After: 0 or 1 } && V.Kernel <= DepthwiseProblem.MostEdgeRows;

    // the taps of a kernel row are neighbours, but for those of groups and of dilated kernels
    private bool AreTapsApart => Geometry.Groups > 1 || H.Dilation > 1;

    private int SegmentBytes => AreTapsApart ? GroupChannels : H.Kernel * GroupChannels;

    /// <inheritdoc/>
    public override void Emit(PlanBuilder plan)
    {
        Place x = plan.Get(Input.Codes, Form.Image);
        ImageShape from = plan.ImageOf(Input.Codes);
        ImageShape to = plan.ImageOf(Result);
        (Place Place, ImageShape Shape)? others = Residual is null ? null : (plan.Get(Residual.Other.Codes, Form.Image), plan.ImageOf(Residual.Other.Codes));
        Place y = plan.Make(Result, Form.Image);
        Epilogue epilogue = Epilogues.ToCodes(Node, plan.Options.Requantization, Input.Range.Scale, Weights.Scale, Geometry.Outputs, Codes);
        Add(plan, x, from, y, to, epilogue, others);
    }

    /// <summary>Packs the weights and adds the steps.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="x">The input.</param>
    /// <param name="from">Its images.</param>
    /// <param name="y">Where results go.</param>
    /// <param name="to">Images of them; without a border where elements are not bytes.</param>
    /// <param name="epilogue">What becomes of the sums.</param>
    /// <param name="others">What is added to codes.</param>
    internal void Add(PlanBuilder plan, Place x, ImageShape from, Place y, ImageShape to, Epilogue epilogue, (Place Place, ImageShape Shape)? others = null)
    {
        if (IsDepthwise)
        {
            plan.Add(Depthwise(plan, from, to, x, y, epilogue), [x], [y]);
            return;
        }

        if (Winograd(plan, from, to, others?.Shape, epilogue) is { } tiles)
        {
            Add(plan, tiles, (x, First(from)), (y, to), others);
            return;
        }

        for (int group = 0; group < Geometry.Groups; group++)
        {
            ProductProblem problem = Problem(plan.Options.Threads, from, to, others?.Shape, group, epilogue);
            ProductKernel kernel = plan.Own(Geometry.IsDepthwise ? plan.Product(problem, Weights) : plan.Product(problem, Node, Weights, group * GroupOutputs));
            long nanoseconds = problem.Weights.LongLength * Geometry.Batch * V.Output * H.Output / ProductsPerNanosecond;
            ProductLines lines = Lines(plan.Options.Threads, from, to, others?.Shape, group, epilogue.ElementBytes);
            var step = new ProductStep(kernel, lines, problem.SegmentOffsets.Length, Segments(), x, y, group == 0 ? to : null, plan.PaddingOf(Result), nanoseconds)
            {
                Name = StepName,
                Others = others?.Place,
                ByLines = problem.Weights.LongLength <= (from.Bytes + to.Bytes) / Geometry.Groups,
            };
            plan.Add(step, others is { } read ? [x, read.Place] : [x], [y]);
        }
    }

    private string StepName => Residual is null ? Label : $"{Label}, {Residual.Node.Op} {Residual.Node.Name}";

    /// <summary>Where the first tap of the first output is.</summary>
    private int First(ImageShape from) => from.Origin - (V.Before * from.RowPitch) - (H.Before * from.Channels);

    private DepthwiseStep Depthwise(PlanBuilder plan, ImageShape from, ImageShape to, Place x, Place y, Epilogue epilogue)
    {
        var problem = new DepthwiseProblem
        {
            Channels = Geometry.Channels,
            KernelWidth = H.Kernel,
            RowOffsets = [.. Enumerable.Range(0, V.Kernel).Select(i => i * V.Dilation * from.RowPitch)],
            TapStride = H.Dilation * from.Channels,
            Padding = Input.Range.ZeroPoint,
            PixelStride = H.Stride * from.Channels,
            OutputStride = to.Channels * epilogue.ElementBytes,
            Weights = Weights.Parts[0],
            Bias = [.. Bias.Select((b, c) => unchecked(b - (Input.Range.ZeroPoint * Sum(Weights.Parts[0], c, V.Kernel * H.Kernel))))],
            Epilogue = epilogue,
        };
        DepthwiseKernel kernel = plan.Own(DepthwiseTiers.Choose(plan.Options.ChosenTier, problem).Build(problem));
        long nanoseconds = (long)H.Output * V.Output * Geometry.Batch * Geometry.Channels * V.Kernel * H.Kernel / 100;
        return new DepthwiseStep(kernel, Lines(plan.Options.Threads, from, to, null, 0, epilogue.ElementBytes), x, y, to, plan.PaddingOf(Output), nanoseconds)
        {
            Name = Label,
            Edges = TakesEdges ? Edges(plan, from.Channels) : null,
        };
    }

    private DepthwiseEdges Edges(PlanBuilder plan, int channels)
    {
        var line = new byte[V.Before + V.After > 0 ? H.Input * channels : 0];
        line.AsSpan().Fill(Input.Range.ZeroPoint);
        LineEdges edges = (H.Before > 0 ? LineEdges.Left : LineEdges.None) | (H.After > 0 ? LineEdges.Right : LineEdges.None);
        return new(edges, [.. Enumerable.Range(0, V.Output).Select(V.Inside)], plan.Constant(line.AsSpan()), H.Before * channels);
    }

    private ProductProblem Problem(int threads, ImageShape from, ImageShape to, ImageShape? others, int group, Epilogue epilogue)
    {
        int channels = GroupChannels;
        List<int> offsets = [];
        for (int pass = 0; pass < Weights.Passes; pass++)
        {
            for (int i = 0; i < V.Kernel; i++)
            {
                for (int j = 0; j < (AreTapsApart ? H.Kernel : 1); j++)
                {
                    offsets.Add((i * V.Dilation * from.RowPitch) + (j * H.Dilation * from.Channels));
                }
            }
        }

        int first = group * GroupOutputs;
        ProductLines? flat = IsFlat(from, to, others) ? Lines(threads, from, to, others, group, epilogue.ElementBytes) : null;
        bool skips = Skips && !AreTapsApart && channels % 4 == 0 && H.Kernel > 1 && H.Output <= WidestSkip;
        return new ProductProblem
        {
            Channels = GroupOutputs,
            SegmentBytes = SegmentBytes,
            SegmentOffsets = [.. offsets],
            RowStride = H.Stride * from.Channels,
            OutputStride = to.Channels * epilogue.ElementBytes,
            Weights = Ordered(first),
            Bias = [.. Enumerable.Range(first, GroupOutputs).Select(Folded)],
            Epilogue = Epilogues.Part(epilogue, first, GroupOutputs),
            Residual = others is null ? null : Residual!.Of(others.Channels),
            LineRows = flat?.Rows ?? H.Output,
            LastRows = flat is null || flat.LastRows == flat.Rows ? 0 : flat.LastRows,
            TapBytes = channels,
            LineTaps = skips ? [.. Enumerable.Range(0, H.Output).Select(H.Inside)] : default,
        };
    }

    /// <summary>Whether padding adds nothing to sums, so that taps on it may be left out.</summary>
    private bool Skips => Input.Range.ZeroPoint == 0 && !ZeroAtRunTime && Weights.Passes == 1 && Geometry.Border != default;

    private bool IsFlat(ImageShape from, ImageShape to, ImageShape? others) =>
        V is { Kernel: 1, Stride: 1, Before: 0 } && H is { Kernel: 1, Stride: 1, Before: 0 } && from.IsDense && to.IsDense && others is not { IsDense: false }
        && V.Input == V.Output && H.Input == H.Output;

    private ImmutableArray<(int First, int Count)> Segments()
    {
        if (!Skips)
        {
            return [];
        }

        int perRow = AreTapsApart ? H.Kernel : 1;
        return
        [
            .. Enumerable.Range(0, V.Output).Select(V.Inside).Select(r => r.End > r.First ? (r.First * perRow, (r.End - r.First) * perRow) : (0, 1)),
        ];
    }

    private ProductLines Lines(int threads, ImageShape from, ImageShape to, ImageShape? others, int group, int bytes)
    {
        int channel = group * GroupOutputs;
        long input = First(from) + (group * GroupChannels);
        long output = ((long)to.Origin + channel) * bytes;
        long added = (others?.Origin ?? 0) + channel;
        if (IsFlat(from, to, others))
        {
            ProductLines flat = Flat(threads, Geometry.Batch * V.Output * H.Output, input, from.Channels, output, to.Channels * bytes);
            return others is null ? flat : flat with { OthersOffset = added, OthersLine = (long)flat.Rows * others.Channels };
        }

        var lines = new ProductLines(
            V.Output, H.Output, H.Output, Geometry.Batch, input, (long)V.Stride * from.RowPitch, from.ImagePitch, output, (long)to.RowPitch * bytes, (long)to.ImagePitch * bytes);
        return others is null ? lines : lines with { OthersOffset = added, OthersLine = others.RowPitch, OthersImage = others.ImagePitch };
    }

    /// <summary>Rows of a matrix, cut into pieces: whole tiles of 7, 9 and 14 rows, and as many rows for each thread.</summary>
    internal static ProductLines Flat(int threads, int rows, long input, int rowStride, long output, int outputStride)
    {
        const int Tile = 7;
        const int Piece = 126;
        int most = Math.Min(rows, rows > 8 * Piece ? 2 * Piece : Piece);
        int piece = threads == 1 || most <= Tile ? most : Enumerable.Range(1, most / Tile).Select(tiles => tiles * Tile).Reverse().MinBy(size => Longest(rows, size, threads));
        int lines = (rows + piece - 1) / piece;
        return new(lines, piece, rows - ((lines - 1) * piece), 1, input, (long)piece * rowStride, 0, output, (long)piece * outputStride, 0);
    }

    /// <summary>Rows of the thread that gets most, where pieces of a size are dealt evenly.</summary>
    private static int Longest(int rows, int piece, int threads)
    {
        int lines = (rows + piece - 1) / piece;
        return Math.Min((lines + threads - 1) / threads * piece, rows);
    }

    /// <summary>The bias less what the input's zero point adds to the sums.</summary>
    private int Folded(int output)
    {
        int length = GroupChannels * V.Kernel * H.Kernel;
        int sum = Weights.Parts.Sum(part => Sum(part, output, length));
        return unchecked(Bias[output] - (Input.Range.ZeroPoint * sum));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)] // every weight passes here while loading
    private static int Sum(sbyte[] weights, int channel, int length)
    {
        int sum = 0;
        foreach (sbyte w in weights.AsSpan(channel * length, length))
        {
            sum += w;
        }

        return sum;
    }

    /// <summary>[output, pass, kernel row, tap, channel] of a group.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private sbyte[] Ordered(int first)
    {
        int channels = GroupChannels;
        int area = V.Kernel * H.Kernel;
        int length = channels * area;
        var ordered = new sbyte[GroupOutputs * Weights.Passes * length];
        for (int o = 0; o < GroupOutputs; o++)
        {
            for (int pass = 0; pass < Weights.Passes; pass++)
            {
                ReadOnlySpan<sbyte> from = Weights.Parts[pass].AsSpan((first + o) * length, length);
                Span<sbyte> to = ordered.AsSpan(((o * Weights.Passes) + pass) * length, length);
                if (area == 1)
                {
                    from.CopyTo(to);
                    continue;
                }

                for (int tap = 0; tap < area; tap++)
                {
                    Span<sbyte> pixel = to.Slice(tap * channels, channels);
                    for (int c = 0; c < pixel.Length; c++)
                    {
                        pixel[c] = from[(c * area) + tap];
                    }
                }
            }
        }

        return ordered;
    }
}
