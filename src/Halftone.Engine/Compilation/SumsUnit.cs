using System.Collections.Immutable;
using Halftone.Engine.Execution;
using Halftone.Engine.Kernels;
using Halftone.Engine.Kernels.Pointwise;
using Halftone.Engine.Steps;

namespace Halftone.Engine.Compilation;

/// <summary>A product of codes and a constant weight whose zero point or scales are known at run time only: to 32-bit sums, or on to floats.</summary>
internal sealed class SumsUnit : Unit
{
    /// <summary>The codes, or floats that are quantized by their own range first, if <see cref="QuantizesInput"/>.</summary>
    public required string Input { get; init; }

    /// <summary>Whether the input is floats.</summary>
    public bool QuantizesInput { get; init; }

    /// <summary>The input's zero point, unsigned; null where it is known at run time only.</summary>
    public required byte? ZeroPoint { get; init; }

    /// <summary>Name of a zero point known at run time only.</summary>
    public string ZeroName { get; init; } = "";

    /// <summary>The weight; its scales do not count.</summary>
    public required Weights Weights { get; init; }

    /// <summary>Of a convolution; null for matrices.</summary>
    public ConvGeometry? Geometry { get; init; }

    /// <summary>Rows, depth and channels of a matrix product.</summary>
    public (int Rows, int Depth, int Channels) Shape { get; init; }

    /// <summary>Name of the result.</summary>
    public required string Output { get; init; }

    /// <summary>Name of the scales: one, or one a channel. Empty where sums stay integers.</summary>
    public string Scales { get; init; } = "";

    /// <summary>Name of the input's scale, where <see cref="Scales"/> do not hold it; else empty.</summary>
    public string Factor { get; init; } = "";

    /// <summary>Name of the bias: one, or one a channel; empty for none.</summary>
    public string Bias { get; init; } = "";

    /// <inheritdoc/>
    public override ImmutableArray<Need> Needs =>
    [
        new(new(Input, QuantizesInput ? Form.Dense : InputForm), Geometry?.Border ?? default, ZeroPoint ?? 0),
        .. ((string[])[ZeroName, Scales, Factor, Bias]).Where(n => n.Length > 0).Select(n => new Need(new(n, Form.Dense))),
    ];

    /// <inheritdoc/>
    public override ImmutableArray<Held> Makes => [new(Output, Form.Dense)];

    private Form InputForm => Geometry is null ? Form.Codes : Form.Image;

    private int Channels => Geometry?.Outputs ?? Shape.Channels;

    /// <inheritdoc/>
    public override void Emit(PlanBuilder plan)
    {
        Place? factor = Factor.Length == 0 ? null : plan.Get(Factor, Form.Dense);
        Place? zero = ZeroName.Length == 0 ? null : plan.Get(ZeroName, Form.Dense);
        Place x;
        if (QuantizesInput)
        {
            Place floats = plan.Get(Input, Form.Dense);
            int count = Shape.Rows * Shape.Depth;
            (x, factor, zero) = (plan.Allocate(count), plan.Allocate(sizeof(float)), plan.Allocate(1));
            DynamicQuantizeUnit.Add(plan, Label, floats, count, factor, zero, (x, ImageShape.Rows([Shape.Rows, Shape.Depth])), planes: false);
        }
        else
        {
            x = plan.Get(Input, InputForm);
        }

        byte mask = !QuantizesInput && plan.Typed.Type(Input).Element == Onnx.ElementType.Int8 ? (byte)0x80 : (byte)0;
        var places = new SumsPlaces(
            plan.Constant<int>(Columns()), zero, mask, factor, Scales.Length == 0 ? null : plan.Get(Scales, Form.Dense), Bias.Length == 0 ? null : plan.Get(Bias, Form.Dense));
        if (Geometry is null)
        {
            Matrix(plan, x, places);
        }
        else
        {
            Images(plan, x, places);
        }
    }

    private void Matrix(PlanBuilder plan, Place x, SumsPlaces places)
    {
        Place y = plan.Make(Output, Form.Dense);
        new MatrixUnit { Node = Node, Input = Codes, Weights = Weights, Transposed = false, Shape = Shape, Bias = new int[Channels], Output = Output }.Add(plan, x, y, new StoreSums());
        if (places.Zero is not null || places.Scales is not null)
        {
            plan.Add(new SumsRowsStep(places, y, Shape.Rows, Channels) { Name = Label }, [y, .. places.All], [y]);
        }
    }

    private void Images(PlanBuilder plan, Place x, SumsPlaces places)
    {
        ImageShape from = plan.ImageOf(Input);
        ImageShape to = ImageShape.Of(plan.Typed.Type(Output).Dims, default);
        if (places.Zero is { } zero && !from.IsDense)
        {
            plan.Add(new BorderStep(x, from, zero, places.Mask) { Name = Label }, [x, zero], [x]);
        }

        Place sums = plan.Allocate(to.Bytes * sizeof(int));
        Convolution.Add(plan, x, from, sums, to, new StoreSums());
        Place y = plan.Make(Output, Form.Dense);
        plan.Add(new SumsPlanesStep(places, sums, y, to) { Name = Label }, [sums, .. places.All], [y]);
    }

    private Activation Codes => new(Input, new QuantizedRange(1, ZeroPoint ?? 0));

    private ConvUnit Convolution => new()
    {
        Node = Node,
        Geometry = Geometry!,
        Input = Codes,
        Weights = Weights,
        Bias = new int[Channels],
        Output = Output,
        Codes = default,
        ZeroAtRunTime = ZeroPoint is null,
    };

    private int[] Columns()
    {
        var sums = new int[Channels];
        foreach (sbyte[] part in Weights.Parts)
        {
            int each = part.Length / Channels; // of a convolution they follow each other, of a matrix they are a column
            for (int i = 0; i < part.Length; i++)
            {
                sums[Geometry is null ? i % Channels : i / each] += part[i];
            }
        }

        return sums;
    }
}
