using System.Collections.Immutable;
using Halftone.Onnx.Operators;

namespace Halftone.Onnx.Targets.Rules;

/// <summary>14xx, versions: what needs a newer operator set or file format than the model says.</summary>
internal static class VersionRules
{
    public static ImmutableArray<TargetRule> All { get; } =
    [
        new("HT1401", Severity.Error, "scales by channel before opset 13") { Find = (v, t) => Needs(v, 13, "scales by channel", p => p.Axis is not null) },
        new("HT1402", Severity.Error, "4 bits, 16 bits or blocks before opset 21") { Find = (v, t) => Needs(v, 21, "4-bit, 16-bit or blocked codes", p => !p.Type.IsSmallFloat() && (p.Block > 0 || p.Type.Bits() is 4 or 16)) },
        new("HT1403", Severity.Error, "2 bits before opset 25") { Find = (v, t) => Needs(v, 25, "2-bit codes", p => p.Type.Bits() == 2) },
        new("HT1404", Severity.Error, "small floats before their opset") { Find = (v, t) => Needs(v, 19, "8-bit floats", p => p.Type.IsSmallFloat() && p.Type.Bits() == 8).Concat(Needs(v, 23, "4-bit floats", p => p.Type is ElementType.Float4E2M1)) },
        new("HT1405", Severity.Warning, "file format older than its operator set") { Find = Format },
        new("HT1407", Severity.Warning, "quantized MaxPool before opset 12") { Find = MaxPool },
    ];

    private static IEnumerable<Finding> Needs(QdqView view, int opset, string what, Func<Linear, bool> needs) =>
        from node in view.Quantizers.Concat(view.Dequantizers)
        where node.Domain.Length == 0 && view.Model.Opset < opset && view.Parameters(node) is { } p && needs(p)
        select new Finding(node.Name, $"It has {what}, which need opset {opset}; the model says {view.Model.Opset}: raise the model's opset.");

    private static IEnumerable<Finding> Format(QdqView view, Target target)
    {
        int needed = Model.OldestFormat(view.Model.Opset);
        if (view.Model.Opset >= 10 && view.Model.IrVersion < needed)
        {
            yield return new("", $"The file says format (IR) version {view.Model.IrVersion}, but opset {view.Model.Opset} came with {needed}: raise it.", Fixable: true);
        }
    }

    private static IEnumerable<Finding> MaxPool(QdqView view, Target target) =>
        from node in view.Units
        where node.Is("MaxPool") && view.Model.Opset < 12 && view.QuantizersOf(node.Outputs[0]).Length > 0
        select new Finding(node.Name, $"MaxPool takes 8-bit codes from opset 12 on, and the model says {view.Model.Opset}: raise the model's opset.");
}
