using System.Collections.Immutable;

namespace Halftone.Onnx.Targets.Rules;

/// <summary>13xx, the outputs of integer operators: quantized, and read by quantizers alone.</summary>
internal static class OutputRules
{
    public static ImmutableArray<TargetRule> All { get; } =
    [
        new("HT1303", Severity.Warning, "an output that goes to quantizers and to floats") { Find = (v, t) => Outputs(v, t, Where.Both) },
        new("HT1304", Severity.Warning, "an integer operator that makes a graph output") { Find = (v, t) => Outputs(v, t, Where.GraphOutput) },
        new("HT1305", Severity.Warning, "an integer operator whose output is not quantized") { Find = (v, t) => Outputs(v, t, Where.Floats) },
        new("HT1310", Severity.Warning, "a Relu or Clip that its quantizer does not take in") { Find = NotAbsorbed },
        new("HT1311", Severity.Warning, "quantizers between an operator and its bias, normalization or activation") { Find = Between },
        new("HT1312", Severity.Warning, "a quantized branch between a convolution and its Add, on a target that fuses these") { Find = Residual },
        new("HT1313", Severity.Warning, "quantizers that no integer operator reads, on a target that wants them at inputs alone") { Find = ForNobody },
    ];

    private enum Where
    {
        Quantizers,
        Both,
        GraphOutput,
        Floats,
    }

    private static IEnumerable<Finding> Outputs(QdqView view, Target target, Where asked)
    {
        if (!target.QuantizesOutputs)
        {
            yield break;
        }

        foreach (Node node in view.Units)
        {
            OperatorRole? role = QdqView.Role(node, target);
            bool complete = role switch
            {
                OperatorRole.Weighted => view.Dequantizer(node, 0) is not null && view.Dequantizer(node, 1) is not null,
                OperatorRole.Arithmetic or OperatorRole.SameParameters => true,
                _ => false,
            };

            // QGemm and MatMulIntegerToFloat make floats
            bool mayMakeFloats = node.Is("Gemm") || node.Is("MatMul");
            if (!complete || node.Outputs.Count != 1)
            {
                continue;
            }

            string end = view.End(node, target);
            Where where = Goes(view, end);
            if (where == asked && !(mayMakeFloats && where is Where.GraphOutput or Where.Floats && end == node.Outputs[0]))
            {
                yield return new(node.Name, where switch
                {
                    Where.Both => $"'{end}' is quantized for some readers and read in floats by others, so {node.Op} runs in floats: quantize it for all.",
                    Where.GraphOutput => $"It makes the graph output '{end}' in floats, so {node.Op} runs in floats: put a QuantizeLinear and a DequantizeLinear before the output.",
                    _ => $"Its output '{end}' is not quantized, so {node.Op} runs in floats: quantize the output, or leave the inputs in floats.",
                });
            }
        }
    }

    private static Where Goes(QdqView view, string value)
    {
        int quantizers = view.QuantizersOf(value).Length;
        int others = view.Graph.Consumers(value).Count - quantizers;
        bool output = view.Graph.IsOutput(value);
        return quantizers > 0 ? (others > 0 || output ? Where.Both : Where.Quantizers) : output ? Where.GraphOutput : Where.Floats;
    }

    private static IEnumerable<Finding> NotAbsorbed(QdqView view, Target target)
    {
        foreach (Node node in view.Graph.Nodes)
        {
            if (!target.QuantizesOutputs || QdqView.Role(node, target) is not OperatorRole.Absorbed || view.QuantizersOf(node.Outputs[0]) is not [{ } quantizer, ..]
                || view.Parameters(quantizer) is not { Axis: null } p || view.Graph.Producer(node.Input(0)) is not { } producer || QdqView.Role(producer, target) is null)
            {
                continue;
            }

            float lowest = (p.Range.Min - p.Zeros[0]) * p.Scales[0];
            float highest = (p.Range.Max - p.Zeros[0]) * p.Scales[0];
            (float low, float high) = Bounds(view, node);
            if (lowest < low || highest > high)
            {
                yield return new(node.Name, $"The quantizer behind it spans {lowest:g4} to {highest:g4}, outside {low:g4} to {high:g4}, so {node.Op} stays and {producer.Op} '{producer.Name}' runs in floats: calibrate the output of {node.Op}, asymmetric.");
            }
        }
    }

    private static (float Low, float High) Bounds(QdqView view, Node node)
    {
        if (node.Is("Relu"))
        {
            return (0, float.PositiveInfinity);
        }

        // a bound that is computed may be anything, so nothing is inside it
        float Bound(int place, string attribute, float missing, float unknown) =>
            node.Has(attribute) ? node.Float(attribute, missing)
            : node.Input(place).Length == 0 ? missing
            : view.Graph.Constant(node.Input(place)) is { Count: 1 } c ? c.ToFloats()[0] : unknown;
        return (Bound(1, "min", float.NegativeInfinity, float.PositiveInfinity), Bound(2, "max", float.PositiveInfinity, float.NegativeInfinity));
    }

    private static IEnumerable<Finding> Between(QdqView view, Target target) =>
        from node in view.Graph.Nodes
        where node.Is("Relu") || node.Is("Clip") || node.Is("BatchNormalization") || IsBias(view, node)
        let d = view.Dequantizer(node, 0)
        where d is not null
        let q = view.Graph.Producer(d.Input(0))
        where q is not null && QdqView.IsQuantizer(q)
        let producer = view.Graph.Producer(q.Input(0))
        where producer is not null && QdqView.Role(producer, target) is OperatorRole.Weighted or OperatorRole.Arithmetic
        select new Finding(node.Name, $"Quantizers stand between {producer.Op} '{producer.Name}' and its {node.Op}, so these do not fuse and values are rounded twice: quantize behind {node.Op} alone.");

    /// <summary>Whether an Add adds a constant along one axis, as a bias is.</summary>
    private static bool IsBias(QdqView view, Node node)
    {
        if (!node.Is("Add"))
        {
            return false;
        }

        Tensor? added = view.Graph.Constant(node.Input(1)) ?? (view.Dequantizer(node, 1) is { } d ? view.Graph.Constant(d.Input(0)) : null);
        return added is { Count: > 1 } && added.Dims.Count(l => l != 1) == 1;
    }

    private static IEnumerable<Finding> Residual(QdqView view, Target target)
    {
        foreach (Node add in view.Graph.Nodes.Where(n => !target.QuantizesOutputs && n.Is("Add")))
        {
            // one branch straight from a convolution is what fuses
            bool straight = add.Inputs.Any(i => view.Graph.Producer(i) is { Op: "Conv" } && view.Graph.Consumers(i).Count == 1);
            Node? behind = add.Inputs.Select((_, i) => view.Dequantizer(add, i)).OfType<Node>().Select(d => view.Graph.Producer(d.Input(0)))
                .FirstOrDefault(q => q is not null && QdqView.IsQuantizer(q) && view.Graph.Producer(q.Input(0)) is { Op: "Conv" } && view.Graph.Consumers(q.Input(0)).Count == 1);
            if (!straight && behind is not null)
            {
                yield return new(add.Name, $"Quantizers stand between it and the Conv '{view.Graph.Producer(behind.Input(0))!.Name}', so {target.Id} does not fuse these: quantize the other branch alone.");
            }
        }
    }

    private static IEnumerable<Finding> ForNobody(QdqView view, Target target) =>
        from node in view.ActivationSites
        where !target.QuantizesOutputs && QdqView.IsQuantizer(node) && !view.Graph.IsOutput(node.Outputs[0])
        let readers = view.Graph.Consumers(node.Outputs[0]).Where(QdqView.IsDequantizer).SelectMany(d => view.Graph.Consumers(d.Outputs[0])).ToArray()
        where view.Graph.Consumers(node.Outputs[0]).All(QdqView.IsDequantizer) && readers.All(r => QdqView.Role(r, target) is null && !QdqView.IsQuantizer(r))
        select new Finding(node.Name, $"No integer operator of {target.Id} reads what it quantizes, so it only costs time and accuracy: leave the value in floats.");
}
