using System.Collections.Immutable;
using Halftone.Engine.Execution;
using Halftone.Engine.Steps;

namespace Halftone.Engine.Compilation;

/// <summary>A box cut out of a value of codes: an output of Split, or a Slice without steps.</summary>
internal sealed class PieceUnit : Unit
{
    /// <summary>The codes.</summary>
    public required string Input { get; init; }

    /// <summary>Name of the result's codes.</summary>
    public required string Output { get; init; }

    /// <summary>The form of both.</summary>
    public required Form Form { get; init; }

    /// <summary>Where the box begins on each axis; of row-major codes one axis at most is cut.</summary>
    public required ImmutableArray<int> Starts { get; init; }

    /// <summary>The result's codes for those of the input; null where they are the same.</summary>
    public required byte[]? Table { get; init; }

    /// <inheritdoc/>
    public override ImmutableArray<Need> Needs => [new(new(Input, Form))];

    /// <inheritdoc/>
    public override ImmutableArray<Held> Makes => [new(Output, Form)];

    /// <inheritdoc/>
    public override void Emit(PlanBuilder plan)
    {
        Place x = plan.Get(Input, Form);
        Place y = plan.Make(Output, Form);
        Place? table = Table is null ? null : plan.Constant<byte>(Table);
        if (Form == Form.Image)
        {
            var first = (Starts.Length == 4 ? Starts[2] : 0, Starts[^1], Starts[1]);
            plan.Add(new PieceStep(x, plan.ImageOf(Input), first, table, y, plan.ImageOf(Output), plan.PaddingOf(Output)) { Name = Label }, [x], [y]);
            return;
        }

        // row-major codes are an image of one pixel a row, all that lies behind the axis its channels
        (ImmutableArray<int> from, ImmutableArray<int> to) = (plan.Typed.Type(Input).Dims, plan.Typed.Type(Output).Dims);
        int axis = Enumerable.Range(0, from.Length).FirstOrDefault(i => from[i] != to[i]);
        int outer = from[..axis].Aggregate(1, (p, d) => p * d);
        int inner = from[(axis + 1)..].Aggregate(1, (p, d) => p * d);
        plan.Add(
            new PieceStep(x, new(1, outer, 1, from[axis] * inner, default), (0, 0, Starts[axis] * inner), table, y, new(1, outer, 1, to[axis] * inner, default), 0) { Name = Label }, [x], [y]);
    }
}
