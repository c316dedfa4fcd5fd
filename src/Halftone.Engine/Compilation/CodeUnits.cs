using System.Collections.Immutable;
using Halftone.Engine.Dense;
using Halftone.Engine.Execution;
using Halftone.Engine.Kernels.Pointwise;
using Halftone.Engine.Steps;
using Halftone.Onnx;

namespace Halftone.Engine.Compilation;

/// <summary>A function of one code, whatever nodes make it up: a table.</summary>
internal sealed class TableUnit : Unit
{
    /// <summary>The input.</summary>
    public required string Input { get; init; }

    /// <summary>Name of the result's codes.</summary>
    public required string Output { get; init; }

    /// <summary>The form of both.</summary>
    public required Form Form { get; init; }

    /// <summary>256 codes.</summary>
    public required byte[] Table { get; init; }

    /// <inheritdoc/>
    public override ImmutableArray<Need> Needs => [new(new(Input, Form))];

    /// <inheritdoc/>
    public override ImmutableArray<Held> Makes => [new(Output, Form)];

    /// <inheritdoc/>
    public override void Emit(PlanBuilder plan)
    {
        Place x = plan.Get(Input, Form);
        Place y = plan.Make(Output, Form);
        plan.Add(
            new TableStep(x, plan.ShapeOf(Input, Form), plan.Constant<byte>(Table), y, plan.ShapeOf(Output, Form), plan.PaddingOf(Output)) { Name = Label }, [x], [y]);
    }
}

/// <summary>Add, Sub or Mul of codes.</summary>
internal sealed class BinaryUnit : Unit
{
    /// <summary>Add, Sub or Mul.</summary>
    public required string Operation { get; init; }

    /// <summary>The first operand, which has the shape of the result.</summary>
    public required Activation A { get; init; }

    /// <summary>The second.</summary>
    public required Activation B { get; init; }

    /// <summary>Whether both operands and the result are int8 codes.</summary>
    public required bool Signed { get; init; }

    /// <summary>Whether the second operand is one code a channel.</summary>
    public required bool PerChannel { get; init; }

    /// <summary>Name of the result's codes.</summary>
    public required string Output { get; init; }

    /// <summary>What they stand for.</summary>
    public required OutputCodes Codes { get; init; }

    /// <summary>The form of all.</summary>
    public required Form Form { get; init; }

    /// <inheritdoc/>
    public override ImmutableArray<Need> Needs => [new(new(A.Codes, Form)), new(new(B.Codes, PerChannel ? Form.Codes : Form))];

    /// <inheritdoc/>
    public override ImmutableArray<Held> Makes => [new(Output, Form)];

    /// <inheritdoc/>
    public override void Emit(PlanBuilder plan)
    {
        Place a = plan.Get(A.Codes, Form);
        Place b = plan.Get(B.Codes, PerChannel ? Form.Codes : Form);
        Place y = plan.Make(Output, Form);
        Step step = Operation switch
        {
            "Add" => Make<AddStep>(plan, a, b, y),
            "Sub" => Make<SubStep>(plan, a, b, y),
            _ => Make<MulStep>(plan, a, b, y),
        };
        plan.Add(step, [a, b], [y]);
    }

    private Step Make<TStep>(PlanBuilder plan, Place a, Place b, Place y)
        where TStep : struct, IBinaryStep<TStep>
    {
        var range = new QuantizedBinary(A.Range, B.Range, Codes.Range, Codes.Least, Codes.Most, Signed);
        (ImageShape aShape, ImageShape to, byte padding) = (plan.ShapeOf(A.Codes, Form), plan.ShapeOf(Output, Form), plan.PaddingOf(Output));
        if (!PerChannel)
        {
            return new BinaryStep<TStep>(range, a, aShape, b, plan.ShapeOf(B.Codes, Form), y, to, padding) { Name = Label };
        }

        int pitch = plan.Typed.Type(B.Codes).Count == to.Channels ? 0 : to.Channels;
        return new ChannelStep<TStep>(range, a, aShape, b, pitch, y, to, padding) { Name = Label };
    }
}

/// <summary>MaxPool, AveragePool or a mean over whole images, of codes.</summary>
internal sealed class PoolUnit : Unit
{
    /// <summary>The input.</summary>
    public required Activation Input { get; init; }

    /// <summary>Name of the result's codes.</summary>
    public required string Output { get; init; }

    /// <summary>What they stand for.</summary>
    public required QuantizedRange Range { get; init; }

    /// <summary>The windows; null for whole images.</summary>
    public required ConvGeometry? Windows { get; init; }

    /// <summary>Whether the largest code counts, not the mean.</summary>
    public required bool Largest { get; init; }

    /// <summary>Whether means count padding.</summary>
    public bool CountPad { get; init; }

    /// <inheritdoc/>
    public override ImmutableArray<Need> Needs => [new(new(Input.Codes, Form.Image))];

    /// <inheritdoc/>
    public override ImmutableArray<Held> Makes => [new(Output, Form.Image)];

    /// <inheritdoc/>
    public override void Emit(PlanBuilder plan)
    {
        Place x = plan.Get(Input.Codes, Form.Image);
        Place y = plan.Make(Output, Form.Image);
        (ImageShape from, ImageShape to, byte padding) = (plan.ImageOf(Input.Codes), plan.ImageOf(Output), plan.PaddingOf(Output));
        Step step;
        if (Windows is not { } w)
        {
            step = new GlobalPoolStep(Input.Range, Range, x, from, y, to, padding) { Name = Label };
        }
        else
        {
            var window = new PoolWindow(Axis(w.Vertical), Axis(w.Horizontal));
            step = Largest
                ? new MaxPoolStep(window, x, from, y, to, padding) { Name = Label }
                : new AveragePoolStep(window, CountPad, Input.Range, Range, x, from, y, to, padding) { Name = Label };
        }

        plan.Add(step, [x], [y]);
    }

    private static PoolAxis Axis(ConvAxis a) => new(a.Kernel, a.Stride, a.Dilation, a.Before);
}

/// <summary>Concat of codes along the channels of images.</summary>
internal sealed class ConcatUnit : Unit
{
    /// <summary>The inputs.</summary>
    public required ImmutableArray<Activation> Inputs { get; init; }

    /// <summary>Name of the result's codes.</summary>
    public required string Output { get; init; }

    /// <summary>For each input a table to the result's codes, or null where they are the same.</summary>
    public required ImmutableArray<byte[]?> Tables { get; init; }

    /// <inheritdoc/>
    public override ImmutableArray<Need> Needs => [.. Inputs.Select(i => new Need(new(i.Codes, Form.Image)))];

    /// <inheritdoc/>
    public override ImmutableArray<Held> Makes => [new(Output, Form.Image)];

    /// <inheritdoc/>
    public override void Emit(PlanBuilder plan)
    {
        Place[] x = [.. Inputs.Select(i => plan.Get(i.Codes, Form.Image))];
        Place y = plan.Make(Output, Form.Image);
        ImageShape[] from = [.. Inputs.Select(i => plan.ImageOf(i.Codes))];
        Place?[] tables = [.. Tables.Select(t => t is null ? null : plan.Constant<byte>(t))];
        plan.Add(new ConcatStep(x, from, tables, y, plan.ImageOf(Output), plan.PaddingOf(Output)) { Name = Label }, x, [y]);
    }
}

/// <summary>A node that only moves values, on codes instead of numbers.</summary>
internal sealed class MoveUnit : Unit
{
    /// <summary>The inputs that are codes; the others are as the node has them.</summary>
    public required ImmutableDictionary<int, string> Codes { get; init; }

    /// <summary>Name of the result's codes.</summary>
    public required string Output { get; init; }

    /// <summary>A constant that takes an input's place: what Pad fills with.</summary>
    public ImmutableDictionary<int, Tensor> Replaced { get; init; } = ImmutableDictionary<int, Tensor>.Empty;

    /// <inheritdoc/>
    public override ImmutableArray<Need> Needs =>
        [.. Node.Inputs.Select((n, i) => (Name: n, Place: i)).Where(p => p.Name.Length > 0 && !Replaced.ContainsKey(p.Place))
            .Select(p => Codes.TryGetValue(p.Place, out string? codes) ? new Need(new(codes, Form.Codes)) : new Need(new(p.Name, Form.Dense)))];

    /// <inheritdoc/>
    public override ImmutableArray<Held> Makes => [new(Output, Form.Codes)];

    /// <inheritdoc/>
    public override void Emit(PlanBuilder plan)
    {
        if (Node.Op is "Reshape" or "Flatten" or "Squeeze" or "Unsqueeze" or "Identity")
        {
            plan.Hold(Output, Form.Codes, plan.Get(Codes[0], Form.Codes));
            return;
        }

        DensePlan dense = plan.Typed.Prepare(Node, [.. Codes.Keys], Replaced);
        ImmutableArray<Place?> inputs =
        [
            .. Node.Inputs.Select((n, i) => n.Length == 0 ? null
                : Codes.TryGetValue(i, out string? codes) ? plan.Get(codes, Form.Codes)
                : Replaced.TryGetValue(i, out Tensor? value) ? plan.Constant(value.Bytes)
                : plan.Get(n, Form.Dense)),
        ];
        Place y = plan.Make(Output, Form.Codes);
        Place? scratch = dense.ScratchBytes == 0 ? null : plan.Allocate(DenseStep.ScratchPitch(dense) * Math.Min(plan.Options.Threads, DenseStep.MostScratchParts));
        Place[] writes = scratch is null ? [y] : [y, scratch];
        plan.Add(new DenseStep(dense, inputs, [y], scratch, y.Bytes / 4) { Name = Label }, [.. inputs.OfType<Place>()], writes);
    }
}

/// <summary>A change between row-major codes whose last axis is the channels and images: the same bytes, but for borders.</summary>
internal sealed class TurnUnit : Unit
{
    /// <summary>The input.</summary>
    public required string Input { get; init; }

    /// <summary>Name of the result's codes.</summary>
    public required string Output { get; init; }

    /// <summary>Whether codes become images; else images become codes.</summary>
    public required bool ToImage { get; init; }

    /// <inheritdoc/>
    public override ImmutableArray<Need> Needs => [new(new(Input, ToImage ? Form.Codes : Form.Image))];

    /// <inheritdoc/>
    public override ImmutableArray<Held> Makes => [new(Output, ToImage ? Form.Image : Form.Codes)];

    /// <inheritdoc/>
    public override void Emit(PlanBuilder plan)
    {
        ImageShape bordered = plan.ImageOf(ToImage ? Output : Input);
        if (bordered.IsDense)
        {
            plan.Hold(Output, ToImage ? Form.Image : Form.Codes, plan.Get(Input, ToImage ? Form.Codes : Form.Image));
            return;
        }

        Place x = ToImage ? plan.BareCodes(Input) : plan.Get(Input, Form.Image);
        Place y = plan.Make(Output, ToImage ? Form.Image : Form.Codes);
        ImageShape dense = bordered with { Border = default };
        (ImageShape from, ImageShape to) = ToImage ? (dense, bordered) : (bordered, dense);
        plan.Add(new CopyImages(x, from, y, to, ToImage ? plan.PaddingOf(Output) : (byte)0) { Name = Label }, [x], [y]);
    }
}
