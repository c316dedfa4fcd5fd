using System.Collections.Immutable;

namespace Halftone.Onnx.Targets.Rules;

/// <summary>13xx: where quantizers stand.</summary>
internal static class StructureRules
{
    // operators that have a rule of their own
    private static readonly string[] s_named = ["BatchNormalization", "ConvTranspose", "Softmax", "Pad", "Flatten"];

    public static ImmutableArray<TargetRule> All { get; } =
    [
        new("HT1301", Severity.Info, "a DequantizeLinear that several nodes read") { Find = Shared },
        new("HT1302", Severity.Error, "scales or zero points that are not constant") { Find = NotConstant },
        new("HT1306", Severity.Warning, "some inputs quantized, others not") { Find = HalfQuantized },
        new("HT1307", Severity.Warning, "quantizers around an operator that stays in floats") { Find = Unfused },
        new("HT1308", Severity.Warning, "an operator that moves codes, with other parameters behind it than before it") { Find = Differing },
        new("HT1309", Severity.Warning, "quantized twice") { Find = Twice },
    ];

    /// <summary>DequantizeLinears of activations or weights that are read at more than one place.</summary>
    public static IEnumerable<Node> SharedDequantizers(QdqView view) =>
        view.Dequantizers.Where(d => view.Graph.Consumers(d.Outputs[0]).Sum(c => c.Inputs.Count(i => i == d.Outputs[0])) + (view.Graph.IsOutput(d.Outputs[0]) ? 1 : 0) > 1);

    /// <summary>QuantizeLinears right behind a DequantizeLinear.</summary>
    public static IEnumerable<(Node First, Node Second, bool Same)> DoublePairs(QdqView view) =>
        from second in view.Quantizers
        let first = view.Dequantizer(second, 0)
        where first is not null
        let a = view.Parameters(first)
        let b = view.Parameters(second)
        where a is not null && b is not null
        select (first, second, a.Same(b));

    private static IEnumerable<Finding> Shared(QdqView view, Target target) =>
        from node in SharedDequantizers(view)
        where !view.Graph.Consumers(node.Outputs[0]).All(QdqView.IsQuantizer)
        select new Finding(node.Name, "Several nodes read it; ONNX Runtime copies it at load, other readers do not fuse it: give each its own.", Fixable: true);

    private static IEnumerable<Finding> NotConstant(QdqView view, Target target) =>
        from node in view.Quantizers.Concat(view.Dequantizers)
        where view.Parameters(node) is null
        select new Finding(node.Name, "Its scale or zero point is computed while the model runs; fused kernels need constants: calibrate statically.");

    private static IEnumerable<Finding> HalfQuantized(QdqView view, Target target)
    {
        foreach (Node node in view.Units)
        {
            OperatorRole? role = QdqView.Role(node, target);
            int[] places = role is OperatorRole.Weighted ? [0, 1] : role is OperatorRole.Arithmetic ? [.. Enumerable.Range(node.Is("Where") ? 1 : 0, node.Inputs.Count - (node.Is("Where") ? 1 : 0))] : [];

            // TensorRT wants just one branch of an Add behind a convolution quantized
            if (places.Length > 1 && (target.QuantizesOutputs || role is OperatorRole.Weighted) && places.FirstOrDefault(p => view.Dequantizer(node, p) is null, -1) is >= 0 and int place
                && !(place == 1 && QdqView.IsWeighted(node) && view.Graph.Constant(node.Input(1)) is null))
            {
                yield return new(node.Name, $"Input '{node.Input(place)}' is in floats while another is quantized, so {node.Op} runs in floats: quantize all or none.");
            }
        }
    }

    private static IEnumerable<Finding> Unfused(QdqView view, Target target) =>
        from node in view.Units
        where !target.Operators.ContainsKey(node.Op) && !s_named.Contains(node.Op) && node.Outputs.Any(o => view.QuantizersOf(o).Length > 0)
        select new Finding(node.Name, $"{target.Id} has no integer {node.Op}, so the quantizers around it only cost time and accuracy: leave it in floats.");

    private static IEnumerable<Finding> Differing(QdqView view, Target target)
    {
        foreach (Node node in view.Units)
        {
            if (QdqView.Role(node, target) is not OperatorRole.SameParameters || view.Dequantizer(node, 0) is not { } d || view.Parameters(d) is not { } before)
            {
                continue;
            }

            foreach (Node quantizer in node.Outputs.SelectMany(view.QuantizersOf))
            {
                if (view.Parameters(quantizer) is { } after && !before.Same(after))
                {
                    yield return new(node.Name, $"Scale or zero point changes across it ({before.Scales[0]:g6}, {before.Zeros[0]} to {after.Scales[0]:g6}, {after.Zeros[0]}), so {node.Op} runs in floats: use one pair of parameters.");
                }
            }
        }
    }

    private static IEnumerable<Finding> Twice(QdqView view, Target target) =>
        from pair in DoublePairs(view)
        select pair.Same
            ? new Finding(pair.Second.Name, $"It quantizes what '{pair.First.Name}' just dequantized, with the same parameters: it does nothing.", Fixable: !view.Graph.IsOutput(pair.Second.Outputs[0]))
            : new Finding(pair.Second.Name, $"It quantizes what '{pair.First.Name}' just dequantized, with other parameters: every value is rounded twice.");
}
