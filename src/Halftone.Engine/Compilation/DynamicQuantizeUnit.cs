using System.Collections.Immutable;
using Halftone.Engine.Execution;
using Halftone.Engine.Steps;

namespace Halftone.Engine.Compilation;

/// <summary>DynamicQuantizeLinear: codes by the range the floats have at that run.</summary>
internal sealed class DynamicQuantizeUnit : Unit
{
    private string Codes => Node.Output(0);

    /// <inheritdoc/>
    public override ImmutableArray<Need> Needs => [new(new(Node.Input(0), Form.Dense))];

    /// <inheritdoc/>
    public override ImmutableArray<Held> Makes =>
        [new(Codes, Form.Image), new(Codes, Form.Codes), .. Node.Outputs.Skip(1).Where(n => n.Length > 0).Select(n => new Held(n, Form.Dense))];

    /// <inheritdoc/>
    public override void Emit(PlanBuilder plan)
    {
        Place x = plan.Get(Node.Input(0), Form.Dense);
        Place scale = Node.Output(1).Length == 0 ? plan.Allocate(sizeof(float)) : plan.Make(Node.Output(1), Form.Dense);
        Place zero = Node.Output(2).Length == 0 ? plan.Allocate(1) : plan.Make(Node.Output(2), Form.Dense);
        bool image = Codes.Length > 0 && plan.IsNeeded(new(Codes, Form.Image));
        Place? y = Codes.Length == 0 ? null : plan.Make(Codes, image ? Form.Image : Form.Codes);
        Add(plan, Label, x, (int)plan.Typed.Type(Node.Input(0)).Count, scale, zero, y is null ? null : (y, plan.ShapeOf(Codes, image ? Form.Image : Form.Codes)), image);
    }

    /// <summary>Adds the steps.</summary>
    internal static void Add(PlanBuilder plan, string name, Place x, int count, Place scale, Place zero, (Place Place, ImageShape Shape)? codes, bool planes)
    {
        plan.Add(new DynamicRangeStep(x, count, scale, zero) { Name = name }, [x], [scale, zero]);
        if (codes is { } y)
        {
            plan.Add(new DynamicQuantizeStep(x, scale, zero, planes, y.Place, y.Shape) { Name = name }, [x, scale, zero], [y.Place]);
        }
    }
}
