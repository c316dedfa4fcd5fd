using System.Collections.Immutable;
using Halftone.Engine.Dense;
using Halftone.Engine.Execution;
using Halftone.Engine.Kernels.Pointwise;
using Halftone.Engine.Steps;
using Halftone.Onnx;

namespace Halftone.Engine.Compilation;

/// <summary>A node computed on row-major values as ONNX defines it; at load where all its inputs are known.</summary>
internal sealed class DenseUnit : Unit
{
    private static readonly ImmutableArray<string> s_requantizing = ["QLinearConv", "QLinearMatMul", "QGemm"];
    private static readonly ImmutableArray<string> s_products = [.. s_requantizing, "ConvInteger", "MatMulInteger", "MatMulIntegerToFloat", "DynamicQuantizeMatMul"];

    /// <summary>Whether its first input is packed codes that stay so: then it is computed in every run, though all its inputs are known, since what it makes is long.</summary>
    public bool KeepsPacked { get; init; }

    /// <inheritdoc/>
    public override ImmutableArray<Need> Needs => [.. Node.Inputs.Where(n => n.Length > 0).Distinct().Select(n => new Need(new(n, Form.Dense)))];

    /// <inheritdoc/>
    public override ImmutableArray<Held> Makes => [.. Node.Outputs.Where(n => n.Length > 0).Select(n => new Held(n, Form.Dense))];

    /// <inheritdoc/>
    public override void Emit(PlanBuilder plan)
    {
        TypedGraph typed = plan.Typed;
        if (Node.Outputs.All(o => o.Length == 0 || typed.Constant(o) is not null))
        {
            return; // known already
        }

        if (KeepsPacked)
        {
            plan.Unpack(Node.Input(0));
        }
        else if (typed.Compute(Node))
        {
            return;
        }

        Refuse(plan.Options);
        DensePlan dense = typed.Prepare(Node);
        ImmutableArray<Place?> inputs = [.. Node.Inputs.Select(n => n.Length == 0 ? null : plan.Get(n, Form.Dense))];
        ImmutableArray<Place?> outputs = [.. Node.Outputs.Select(n => n.Length == 0 ? null : plan.Make(n, Form.Dense))];
        int parts = Math.Min(plan.Options.Threads, DenseStep.MostScratchParts);
        Place? scratch = dense.ScratchBytes == 0 ? null : plan.Allocate(DenseStep.ScratchPitch(dense) * parts);
        long elements = dense.Outputs.Sum(o => o.Count) + Node.Inputs.Where(n => n.Length > 0).Sum(n => typed.Type(n).Count);
        Place[] reads = [.. inputs.OfType<Place>()];
        Place[] writes = [.. outputs.OfType<Place>(), .. (Place[])(scratch is null ? [] : [scratch])];
        plan.Add(new DenseStep(dense, inputs, outputs, scratch, elements) { Name = Label }, reads, writes);
    }

    /// <summary>Refuses products of codes whose arithmetic the caller chose, since those here are computed as ONNX says.</summary>
    /// <exception cref="ModelException">It is one.</exception>
    private void Refuse(EngineOptions options)
    {
        string asked = s_products.Contains(Node.Op) && options.Accumulation != Accumulation.Int32 ? $"{options.Accumulation} sums"
            : s_requantizing.Contains(Node.Op) && options.Requantization != Requantization.Float ? $"the requantization {options.Requantization}" : "";
        if (asked.Length > 0)
        {
            throw CannotHave(asked);
        }
    }
}

/// <summary>QuantizeLinear of floats to 8-bit codes of one scale.</summary>
internal sealed class QuantizeUnit : Unit
{
    /// <summary>What codes stand for.</summary>
    public required QuantizedRange Range { get; init; }

    /// <summary>Whether the value can be images: it has three or four axes.</summary>
    public required bool MayBeImages { get; init; }

    private string Output => Node.Output(0);

    /// <inheritdoc/>
    public override ImmutableArray<Need> Needs => [new(new(Node.Input(0), Form.Dense))];

    /// <inheritdoc/>
    public override ImmutableArray<Held> Makes => MayBeImages ? [new(Output, Form.Image), new(Output, Form.Codes)] : [new(Output, Form.Codes)];

    /// <inheritdoc/>
    public override void Emit(PlanBuilder plan)
    {
        Place x = plan.Get(Node.Input(0), Form.Dense);
        if (plan.IsNeeded(new(Output, Form.Image)))
        {
            Place y = plan.Make(Output, Form.Image);
            plan.Add(new QuantizeImages(x, Range, y, plan.ImageOf(Output), plan.PaddingOf(Output)) { Name = Label }, [x], [y]);
        }
        else
        {
            Place y = plan.Make(Output, Form.Codes);
            plan.Add(new QuantizeCodes(x, Range, y, ImageShape.Rows(plan.Typed.Type(Output).Dims)) { Name = Label }, [x], [y]);
        }
    }
}

/// <summary>DequantizeLinear of 8-bit codes of one scale to floats.</summary>
internal sealed class DequantizeUnit : Unit
{
    /// <summary>The codes.</summary>
    public required Activation Input { get; init; }

    /// <inheritdoc/>
    public override ImmutableArray<Need> Needs => [new(new(Input.Codes, Form.Codes))];

    /// <inheritdoc/>
    public override ImmutableArray<Held> Makes => [new(Node.Output(0), Form.Dense)];

    /// <inheritdoc/>
    public override void Emit(PlanBuilder plan)
    {
        if (plan.Holds(Input.Codes, Form.Image) && !plan.Holds(Input.Codes, Form.Codes))
        {
            Place images = plan.Get(Input.Codes, Form.Image);
            Place floats = plan.Make(Node.Output(0), Form.Dense);
            plan.Add(new DequantizeImages(images, plan.ImageOf(Input.Codes), Input.Range, floats) { Name = Label }, [images], [floats]);
            return;
        }

        Place x = plan.Get(Input.Codes, Form.Codes);
        Place y = plan.Make(Node.Output(0), Form.Dense);
        plan.Add(new DequantizeCodes(x, (int)plan.Typed.Type(Input.Codes).Count, Input.Range, y) { Name = Label }, [x], [y]);
    }
}
