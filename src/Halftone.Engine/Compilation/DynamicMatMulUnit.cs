using System.Collections.Immutable;
using Halftone.Engine.Execution;
using Halftone.Engine.Kernels;
using Halftone.Engine.Kernels.DynamicProducts;
using Halftone.Engine.Steps;

namespace Halftone.Engine.Compilation;

/// <summary>An operand of codes whose scale counts only where it is known.</summary>
/// <param name="Codes">Name of the codes.</param>
/// <param name="Scale">Their scale; 1 where sums stay integers.</param>
/// <param name="ZeroPoint">Their zero point, unsigned; null where it is known at run time only.</param>
/// <param name="ZeroName">The name of such a zero point.</param>
internal readonly record struct Operand(string Codes, float Scale, byte? ZeroPoint, string ZeroName);

/// <summary>A product of two operands of codes, neither of them constant: attention. To codes, floats or sums.</summary>
internal sealed class DynamicMatMulUnit : Unit
{
    /// <summary>[..., rows, depth].</summary>
    public required Operand A { get; init; }

    /// <summary>[..., depth, columns].</summary>
    public required Operand B { get; init; }

    /// <summary>Rows, depth and columns of a matrix.</summary>
    public required (int Rows, int Depth, int Columns) Shape { get; init; }

    /// <summary>The left matrix of every product.</summary>
    public required int[] Left { get; init; }

    /// <summary>The right one.</summary>
    public required int[] Right { get; init; }

    /// <summary>Name of the result.</summary>
    public required string Output { get; init; }

    /// <summary>How sums become codes; null where they do not.</summary>
    public OutputCodes? Codes { get; init; }

    /// <summary>Whether sums stay integers.</summary>
    public bool ToSums { get; init; }

    /// <inheritdoc/>
    public override ImmutableArray<Need> Needs =>
    [
        new(new(A.Codes, Form.Codes)), new(new(B.Codes, Form.Codes)),
        .. ((string[])[A.ZeroName, B.ZeroName]).Where(n => n.Length > 0).Select(n => new Need(new(n, Form.Dense))),
    ];

    /// <inheritdoc/>
    public override ImmutableArray<Held> Makes => [new(Output, OutputForm)];

    private Form OutputForm => Codes is null ? Form.Dense : Form.Codes;

    /// <inheritdoc/>
    public override void Emit(PlanBuilder plan)
    {
        if (plan.Options.Accumulation != Accumulation.Int32)
        {
            throw CannotHave($"{plan.Options.Accumulation} sums");
        }

        (int rows, int depth, int columns) = Shape;
        Epilogue epilogue = ToSums ? new StoreSums()
            : Codes is { } codes ? Epilogues.ToCodes(Node, plan.Options.Requantization, A.Scale, _ => B.Scale, 1, codes)
            : new ToFloat([A.Scale * B.Scale], [0]);
        DynamicProduct kernel = DynamicProduct.Choose(plan.Options.ChosenTier, depth, columns, epilogue);
        Place a = plan.Get(A.Codes, Form.Codes);
        Place b = plan.Get(B.Codes, Form.Codes);
        Place y = plan.Make(Output, OutputForm);
        (ZeroPoint aZero, ZeroPoint bZero) = (Zero(plan, A), Zero(plan, B));
        int matrices = Right.Max() + 1;
        Place packed = plan.Allocate(matrices * kernel.PackedBytes);
        plan.Add(new PackStep(kernel, b, bZero, matrices, (long)depth * columns, packed) { Name = Label }, Reads(b, bZero), [packed]);

        long pitch = (kernel.ScratchBytes + 63) / 64 * 64;
        Place scratch = plan.Allocate(pitch * plan.Options.Threads);
        var batches = new ProductBatches(Left, Right, rows, depth, (long)columns * epilogue.ElementBytes);
        long nanoseconds = (long)Left.Length * rows * depth * columns / 100;
        var step = new DynamicProductStep(kernel, batches, a, aZero, packed, y, scratch, pitch, plan.Options.Threads, nanoseconds) { Name = Label };
        plan.Add(step, [.. Reads(a, aZero), packed], [y, scratch]);
    }

    private static ZeroPoint Zero(PlanBuilder plan, Operand operand) =>
        operand.ZeroPoint is { } code ? new(code, null, 0)
            : new(0, plan.Get(operand.ZeroName, Form.Dense), plan.Typed.Type(operand.Codes).Element == Onnx.ElementType.Int8 ? (byte)0x80 : (byte)0);

    private static Place[] Reads(Place operand, ZeroPoint zero) => zero.Place is null ? [operand] : [operand, zero.Place];
}
