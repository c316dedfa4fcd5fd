using System.Collections.Immutable;

namespace Halftone.Onnx.Targets.Rules;

/// <summary>11xx: biases.</summary>
internal static class BiasRules
{
    public static ImmutableArray<TargetRule> All { get; } =
    [
        new("HT1101", Severity.Error, "integer bias on a target that wants float") { Find = IntegerBias },
        new("HT1102", Severity.Error, "bias scale is not input scale times weight scale") { Find = Scale },
        new("HT1103", Severity.Error, "bias overflows 32 bits") { Find = Overflow },
        new("HT1104", Severity.Info, "bias left in floats") { Find = FloatBias },
    ];

    private static IEnumerable<Finding> IntegerBias(QdqView view, Target target) =>
        from bias in view.Biases
        where target.Bias is BiasForm.Float
        select new Finding(bias.Consumer.Name, $"Its bias is stored as integers, which {target.Id} refuses: store it in floats.", Repairs.CanDequantize(view, bias.Dequantizer));

    private static IEnumerable<Finding> Scale(QdqView view, Target target)
    {
        foreach ((Node dequantizer, Node node) in view.Biases)
        {
            if (target.Bias is not BiasForm.Int32 || view.Parameters(dequantizer) is not { } p || Expected(view, node) is not { } expected)
            {
                continue;
            }

            for (int c = 0; c < Math.Max(p.Scales.Length, expected.Length); c++)
            {
                float have = p.Scales.Length == 1 ? p.Scales[0] : p.Scales[Math.Min(c, p.Scales.Length - 1)];
                double want = expected.Length == 1 ? expected[0] : expected[Math.Min(c, expected.Length - 1)];
                if (p.Zeros.Any(z => z != 0) || Math.Abs(have - want) > 1e-5 * want)
                {
                    yield return new(node.Name, $"The bias scale of channel {c} is {have:g6}, input scale times weight scale {want:g6}; {target.Id} adds the codes as they are, so its result is wrong: quantize the bias again.");
                    break;
                }
            }
        }
    }

    private static IEnumerable<Finding> Overflow(QdqView view, Target target)
    {
        foreach (Node node in view.Graph.Nodes.Where(n => QdqView.IsWeighted(n) && !n.Is("MatMul")))
        {
            if (target.Bias is not BiasForm.Int32 || Expected(view, node) is not { } scales)
            {
                continue;
            }

            Tensor? floats = view.Graph.Constant(node.Input(2));
            Tensor? codes = view.Dequantizer(node, 2) is { } d ? view.Graph.Constant(d.Input(0)) : null;
            int channel = floats is { Type: ElementType.Float }
                ? Array.FindIndex([.. floats.ToFloats().Select((b, i) => Math.Abs(b) / scales[scales.Length == 1 ? 0 : Math.Min(i, scales.Length - 1)])], q => q >= int.MaxValue)
                : codes is { Type: ElementType.Int32 } ? Array.FindIndex(codes.ToInt64s(), q => q is int.MaxValue or int.MinValue) : -1;
            if (channel >= 0)
            {
                yield return new(node.Name, $"The bias of channel {channel} does not fit 32 bits at input scale times weight scale: enlarge that channel's weight scale.");
            }
        }
    }

    private static IEnumerable<Finding> FloatBias(QdqView view, Target target) =>
        from weight in view.Weights
        where target.Bias is BiasForm.Int32 && !weight.Consumer.Is("MatMul") && view.Dequantizer(weight.Consumer, 0) is not null
            && view.Graph.Constant(weight.Consumer.Input(2)) is { Type: ElementType.Float }
        select new Finding(weight.Consumer.Name, "Its bias is in floats; ONNX Runtime 1.31 quantizes it at load, other readers leave the node in floats: store it as int32.");

    // input scale times weight scale, by channel
    private static double[]? Expected(QdqView view, Node node) =>
        view.Dequantizer(node, 0) is { } x && view.Dequantizer(node, 1) is { } w && view.Parameters(x) is { Scales.Length: 1 } input && view.Parameters(w) is { Block: 0 } weight
            ? [.. weight.Scales.Select(s => (double)s * input.Scales[0])]
            : null;
}
