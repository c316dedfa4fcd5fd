using System.Collections.Immutable;
using Halftone.Engine.Execution;
using Halftone.Engine.Steps;

namespace Halftone.Engine.Compilation;

/// <summary>A node that another runtime takes.</summary>
internal sealed class ForeignUnit : Unit
{
    /// <summary>The node there.</summary>
    public required ForeignNode Foreign { get; init; }

    /// <inheritdoc/>
    public override ImmutableArray<Need> Needs => [.. Foreign.Inputs.Select(n => new Need(new(n, Form.Dense)))];

    /// <inheritdoc/>
    public override ImmutableArray<Held> Makes => [.. Node.Outputs.Where(n => n.Length > 0).Select(n => new Held(n, Form.Dense))];

    /// <inheritdoc/>
    public override void Emit(PlanBuilder plan)
    {
        ForeignValue[] inputs = [.. Foreign.Inputs.Select(n => new ForeignValue(n, plan.Typed.Type(n), plan.Get(n, Form.Dense)))];
        ForeignValue[] outputs = [.. Makes.Select(m => new ForeignValue(m.Name, plan.Typed.Type(m.Name), plan.Make(m.Name, Form.Dense)))];
        Place[] reads = [.. inputs.Select(v => v.Place)];
        Place[] writes = [.. outputs.Select(v => v.Place)];
        plan.Add(new ForeignStep(Foreign.Runner, inputs, outputs) { Name = $"elsewhere {Label}" }, reads, writes);
    }
}
