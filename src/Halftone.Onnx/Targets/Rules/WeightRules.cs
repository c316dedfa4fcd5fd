using System.Collections.Immutable;

namespace Halftone.Onnx.Targets.Rules;

/// <summary>15xx: what the codes of weights do.</summary>
internal static class WeightRules
{
    private const int Named = 8;

    public static ImmutableArray<TargetRule> All { get; } =
    [
        new("HT1501", Severity.Warning, "pairs of products that can saturate 16 bits") { Find = Pairs },
        new("HT1502", Severity.Info, "dead channels") { Find = DeadChannels },
        new("HT1503", Severity.Warning, "weight codes outside the restricted range") { Find = Restricted },
    ];

    private static IEnumerable<Finding> Pairs(QdqView view, Target target)
    {
        foreach ((Node dequantizer, Node node) in view.Weights)
        {
            if (!target.SaturatesPairs || view.Dequantizer(node, 0) is null || view.Graph.Constant(dequantizer.Input(0)) is not { Type: ElementType.Int8 } codes)
            {
                continue;
            }

            PairBound[] bounds = PairSaturation.WorstCases(node, [.. codes.Dims.Select(d => (int)d)], [.. codes.ToInt64s().Select(c => (int)c)], SumOrder.ChannelLast);
            PairBound[] bad = [.. bounds.Where(b => b.Saturates)];
            if (bad.Length > 0)
            {
                PairBound worst = bad.MaxBy(b => Math.Max(b.Highest, -b.Lowest));
                int sum = worst.Highest > -worst.Lowest ? worst.Highest : worst.Lowest;
                yield return new(node.Name, $"{bad.Length} of {bounds.Length} channels can saturate on x64 without VNNI ({Names(bad.Select(b => b.Channel))}; the worst pair of channel {worst.Channel} reaches {sum} of 32767): let their scales grow, or use 7-bit weights.");
            }
        }
    }

    private static IEnumerable<Finding> DeadChannels(QdqView view, Target target)
    {
        foreach ((Node dequantizer, Node node) in view.Weights)
        {
            if (view.Graph.Constant(dequantizer.Input(0)) is not { } codes || view.Parameters(dequantizer) is not { Block: 0 } p || Operators.SmallFloats.IsSmallFloat(codes.Type)
                || QdqView.ChannelAxis(node, codes.Dims.Length) is not { } axis || axis >= codes.Dims.Length || (p.Zeros.Length > 1 && p.Zeros.Length != codes.Dims[axis]))
            {
                continue;
            }

            long[] values = codes.ToInt64s();
            int length = (int)codes.Dims[axis];
            int inner = (int)codes.Dims.AsSpan()[(axis + 1)..].ToArray().Aggregate(1L, (a, b) => a * b);
            var alive = new bool[length];
            for (int i = 0; i < values.Length; i++)
            {
                int channel = i / inner % length;
                alive[channel] |= values[i] != p.Zeros[p.Zeros.Length == 1 ? 0 : channel];
            }

            int[] dead = [.. Enumerable.Range(0, length).Where(c => !alive[c])];
            if (dead.Length > 0)
            {
                yield return new(node.Name, $"{dead.Length} of {length} output channels have no weight but zero ({Names(dead)}): they can be cut out, or one scale for the tensor rounds them away.");
            }
        }
    }

    private static IEnumerable<Finding> Restricted(QdqView view, Target target)
    {
        foreach ((Node dequantizer, Node node) in view.Weights)
        {
            if (target.WeightCodes.Signed && view.Graph.Constant(dequantizer.Input(0)) is { } codes && !Operators.SmallFloats.IsSmallFloat(codes.Type) && codes.Type.Bits() == target.WeightCodes.Bits
                && view.Parameters(dequantizer) is { Unsigned: false } && codes.ToInt64s().Count(c => c < target.WeightCodes.Min) is > 0 and int count)
            {
                yield return new(node.Name, $"{count} weight codes are below {target.WeightCodes.Min}, which {target.Id} leaves out so that weights are symmetric: quantize with the restricted range.");
            }
        }
    }

    private static string Names(IEnumerable<int> channels)
    {
        int[] all = [.. channels];
        return string.Join(", ", all.Take(Named)) + (all.Length > Named ? $" and {all.Length - Named} more" : "");
    }
}
