using System.Collections.Immutable;
using Halftone.Onnx.Export;
using Halftone.Onnx.Operators;

namespace Halftone.Onnx.Targets.Rules;

/// <summary>10xx: types and zero points.</summary>
internal static class TypeRules
{
    public static ImmutableArray<TargetRule> All { get; } =
    [
        new("HT1001", Severity.Error, "activation zero point on a symmetric target") { Find = ZeroPoint },
        new("HT1002", Severity.Error, "signed or unsigned codes the other way") { Find = Signedness },
        new("HT1003", Severity.Error, "signed activations with unsigned weights") { Find = SignedByUnsigned },
        new("HT1004", Severity.Error, "activation type the target has no units for") { Find = ActivationBits },
        new("HT1005", Severity.Error, "weight type the target has no units for") { Find = WeightBits },
        new("HT1006", Severity.Warning, "weight zero point") { Find = WeightZero },
        new("HT1007", Severity.Error, "weight zero points that differ by channel") { Find = WeightZerosDiffer },
    ];

    /// <summary>Whether 8-bit codes are of the other signedness than the target wants.</summary>
    public static bool WrongSign(Linear parameters, Target target) =>
        parameters.Type is ElementType.UInt8 && target.ActivationCodes.Signed || parameters.Type is ElementType.Int8 && !target.ActivationCodes.Signed;

    /// <summary>Constant codes of the other signedness: operands, and weights where activations are signed, since u8 weights go well with u8 activations.</summary>
    public static IEnumerable<Node> WrongConstants(QdqView view, Target target) =>
        from node in view.Dequantizers
        where view.Graph.Constant(node.Input(0)) is not null && view.Parameters(node) is { } p && WrongSign(p, target)
        let isWeight = view.Graph.Consumers(node.Outputs[0]).Any(c => QdqView.IsWeighted(c) && c.Input(1) == node.Outputs[0])
        where target.ActivationCodes.Signed || !isWeight
        select node;

    private static IEnumerable<Finding> ZeroPoint(QdqView view, Target target) =>
        from node in view.ActivationSites
        where target.SymmetricActivations
        let p = view.Parameters(node)
        where p is not null && !p.Type.IsSmallFloat()
        let middle = p.Unsigned ? (p.Range.Max + 1) / 2 : 0
        let zero = p.Zeros.FirstOrDefault(z => z != middle, middle)
        where zero != middle
        select new Finding(node.Name, $"Zero point {zero} of {p.Type.OnnxName()} is refused by {target.Id}, which wants {middle}: calibrate again with symmetric activations.");

    private static IEnumerable<Finding> Signedness(QdqView view, Target target)
    {
        foreach (Node node in view.ActivationSites)
        {
            if (view.Parameters(node) is { } p && WrongSign(p, target))
            {
                // ONNX Runtime on x64 takes s8 too, and turns it into u8 at load
                Severity severity = target.ActivationCodes.Signed ? Severity.Error : Severity.Warning;
                yield return new(node.Name, $"Codes are {p.Type.OnnxName()} where {target.Id} wants {target.ActivationCodes}; zero point and codes can be shifted by 128.", Repairs.CanShift(view, node), severity);
            }
        }

        // ONNX Runtime on x64 turns s8 activations into u8 but not such constants, and so leaves their reader in floats
        foreach (Node node in WrongConstants(view, target))
        {
            yield return new(node.Name, $"Its constant codes are {view.Parameters(node)!.Type.OnnxName()} where {target.Id} wants {target.ActivationCodes}: shift codes and zero point by 128.", Fixable: true, target.ActivationCodes.Signed ? Severity.Error : Severity.Warning);
        }
    }

    private static IEnumerable<Finding> SignedByUnsigned(QdqView view, Target target) =>
        from weight in view.Weights
        let x = view.Dequantizer(weight.Consumer, 0)
        where x is not null && view.Parameters(x)?.Type is ElementType.Int8 && view.Parameters(weight.Dequantizer)?.Type is ElementType.UInt8
        select new Finding(weight.Consumer.Name, $"Its activations are int8 and its weight uint8, which {target.Id} has no kernel for: store the weight as int8.");

    private static IEnumerable<Finding> ActivationBits(QdqView view, Target target) =>
        from node in view.ActivationSites
        let p = view.Parameters(node)
        where p is not null && (p.Type.IsSmallFloat() || (!target.ActivationBits.Contains(p.Type.Bits()) && !target.ActivationBits.Contains(ClippedBits(view, node, p))))
        select new Finding(node.Name, $"{target.Id} does not compute on {p.Type.OnnxName()} activations; its bit widths are {string.Join(", ", target.ActivationBits)}.");

    // fewer bits than the type's are a Clip of the values before the codes
    private static int ClippedBits(QdqView view, Node node, Linear p) =>
        view.Graph.Producer(node.Input(0)) is { } clip && clip.Is("Clip") && NodeUnit.Bounds(view.Graph, clip, Codes.Map(node), p.Type) is { } bounds && QonnxGrid.Of(bounds) is { } grid ? grid.Bits : p.Type.Bits();

    private static IEnumerable<Finding> WeightBits(QdqView view, Target target) =>
        from weight in view.Weights
        let p = view.Parameters(weight.Dequantizer)
        where p is not null && (p.Type.IsSmallFloat() || !target.WeightBits.Contains(p.Type.Bits()))
        select new Finding(weight.Consumer.Name, $"{target.Id} does not compute with {p.Type.OnnxName()} weights; its bit widths are {string.Join(", ", target.WeightBits)}.");

    private static IEnumerable<Finding> WeightZero(QdqView view, Target target) =>
        from weight in view.Weights
        let p = view.Parameters(weight.Dequantizer)
        where p is not null && !p.Unsigned && p.Zeros.Any(z => z != 0) && p.Zeros.Distinct().Count() == 1
        select new Finding(weight.Consumer.Name, $"The weight's zero point is {p.Zeros[0]}; {target.Id} wants symmetric weights with 0.", Severity: target.SymmetricActivations ? Severity.Error : null);

    private static IEnumerable<Finding> WeightZerosDiffer(QdqView view, Target target) =>
        from weight in view.Weights
        let p = view.Parameters(weight.Dequantizer)
        where p is not null && p.Zeros.Distinct().Count() > 1
        select new Finding(weight.Consumer.Name, $"The weight's zero points differ between channels, {p.Zeros.Min()} to {p.Zeros.Max()}; no integer kernel of {target.Id} takes that: use symmetric weights.");
}
