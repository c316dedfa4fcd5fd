using System.Collections.Immutable;
using Halftone.Engine.Execution;
using Halftone.Engine.Kernels;
using Halftone.Engine.Kernels.Products;
using Halftone.Engine.Steps;

namespace Halftone.Engine.Compilation;

/// <summary>A product of a matrix of codes, or several on top of each other, with a constant weight: Gemm and MatMul, to codes or to floats.</summary>
internal sealed class MatrixUnit : Unit, IResidualUnit
{
    /// <summary>The input, whose last axis is summed over.</summary>
    public required Activation Input { get; init; }

    /// <summary>[depth, channels], or [channels, depth] where <see cref="Transposed"/>.</summary>
    public required Weights Weights { get; init; }

    /// <summary>Whether the weight's first axis is the channels.</summary>
    public required bool Transposed { get; init; }

    /// <summary>Rows, depth and channels.</summary>
    public required (int Rows, int Depth, int Channels) Shape { get; init; }

    /// <summary>In units of the sums.</summary>
    public required int[] Bias { get; init; }

    /// <summary>What is added to a float result besides; empty for nothing.</summary>
    public float[] Offset { get; init; } = [];

    /// <summary>Name of the result: of its codes, or of its floats where there is no <see cref="Codes"/>.</summary>
    public required string Output { get; init; }

    /// <summary>How sums become codes; null where they become floats.</summary>
    public OutputCodes? Codes { get; init; }

    /// <inheritdoc/>
    public Residual? Residual { get; set; }

    /// <inheritdoc/>
    public Held? Addable => Codes is null ? null : new(Output, Form.Codes);

    /// <inheritdoc/>
    public override ImmutableArray<Need> Needs =>
        [new(new(Input.Codes, Form.Codes), Bare: Shape.Depth % 4 == 0), .. Residual is null ? (ImmutableArray<Need>)[] : [new(new(Residual.Other.Codes, Form.Codes), Bare: true)]];

    /// <inheritdoc/>
    public override ImmutableArray<Held> Makes => [new(Result, Codes is null ? Form.Dense : Form.Codes)];

    private string Result => Residual?.Output ?? Output;

    /// <inheritdoc/>
    public override void Emit(PlanBuilder plan)
    {
        int channels = Shape.Channels;
        Place x = plan.Get(Input.Codes, Form.Codes);
        Place? others = Residual is null ? null : plan.Get(Residual.Other.Codes, Form.Codes);
        Place y = plan.Make(Result, Codes is null ? Form.Dense : Form.Codes);
        Epilogue epilogue = Codes is { } codes
            ? Epilogues.ToCodes(Node, plan.Options.Requantization, Input.Range.Scale, Weights.Scale, channels, codes)
            : new ToFloat([.. Enumerable.Range(0, channels).Select(c => Input.Range.Scale * Weights.Scale(c))], Offset.Length > 0 ? Offset : new float[channels]);
        Add(plan, x, y, epilogue, others);
    }

    /// <summary>Packs the weight and adds the step.</summary>
    internal void Add(PlanBuilder plan, Place x, Place y, Epilogue epilogue, Place? others = null)
    {
        (int rows, int depth, int channels) = Shape;
        sbyte[] ordered = Ordered();
        int[] bias = new int[channels];
        for (int c = 0; c < channels; c++)
        {
            int sum = 0;
            foreach (sbyte w in ordered.AsSpan(c * Weights.Passes * depth, Weights.Passes * depth))
            {
                sum += w;
            }

            bias[c] = unchecked(Bias[c] - (Input.Range.ZeroPoint * sum));
        }

        ProductLines lines = ConvUnit.Flat(plan.Options.Threads, rows, 0, depth, 0, channels * epilogue.ElementBytes);
        var problem = new ProductProblem
        {
            Channels = channels,
            SegmentBytes = depth,
            SegmentOffsets = [.. new int[Weights.Passes]],
            RowStride = depth,
            OutputStride = channels * epilogue.ElementBytes,
            Weights = ordered,
            Bias = bias,
            Epilogue = epilogue,
            Residual = others is null ? null : Residual!.Of(channels),
            LineRows = lines.Rows,
            LastRows = lines.LastRows == lines.Rows ? 0 : lines.LastRows,
        };
        ProductKernel kernel = plan.Own(plan.Product(problem, Node, Weights, 0));
        long nanoseconds = (long)rows * depth * channels * Weights.Passes / ConvUnit.ProductsPerNanosecond;
        var step = new ProductStep(kernel, lines with { OthersLine = (long)lines.Rows * channels }, Weights.Passes, [], x, y, null, 0, nanoseconds)
        {
            Name = Residual is null ? Label : $"{Label}, {Residual.Node.Op} {Residual.Node.Name}",
            Others = others,
            ByLines = ordered.LongLength <= x.Bytes + y.Bytes,
        };
        plan.Add(step, others is null ? [x] : [x, others], [y]);
    }

    /// <summary>[channel, pass, depth].</summary>
    private sbyte[] Ordered()
    {
        (_, int depth, int channels) = Shape;
        if (Transposed && Weights.Passes == 1)
        {
            return Weights.Parts[0];
        }

        var ordered = new sbyte[(long)channels * Weights.Passes * depth];
        for (int pass = 0; pass < Weights.Passes; pass++)
        {
            sbyte[] from = Weights.Parts[pass];
            for (int k = 0; k < depth; k++)
            {
                for (int c = 0; c < channels; c++)
                {
                    ordered[((((long)c * Weights.Passes) + pass) * depth) + k] = Transposed ? from[((long)c * depth) + k] : from[((long)k * channels) + c];
                }
            }
        }

        return ordered;
    }
}
