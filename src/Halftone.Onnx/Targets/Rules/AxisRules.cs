using System.Collections.Immutable;

namespace Halftone.Onnx.Targets.Rules;

/// <summary>12xx: which axis scales go along.</summary>
internal static class AxisRules
{
    public static ImmutableArray<TargetRule> All { get; } =
    [
        new("HT1201", Severity.Error, "scales that do not fit their axis") { Find = Fit },
        new("HT1202", Severity.Error, "weight scales along another axis than the output channels") { Find = Channel },
        new("HT1203", Severity.Error, "activation scales by channel") { Find = Activations },
        new("HT1204", Severity.Error, "weight scales by channel where the target takes one") { Find = PerTensor },
    ];

    /// <summary>Weights whose scales do not fit the axis they are said to go along, with the right axis where there is one.</summary>
    public static IEnumerable<(Node Dequantizer, Node Consumer, int? Right)> Misfits(QdqView view)
    {
        foreach ((Node dequantizer, Node consumer) in view.Weights)
        {
            if (view.Graph.Constant(dequantizer.Input(0)) is { } codes && view.Parameters(dequantizer) is { Axis: { } axis, Block: 0 } p)
            {
                int rank = codes.Dims.Length;
                int at = axis < 0 ? axis + rank : axis;
                if (at < 0 || at >= rank || codes.Dims[at] != p.Scales.Length)
                {
                    int? channel = QdqView.ChannelAxis(consumer, rank);
                    yield return (dequantizer, consumer, channel is { } c && c < rank && codes.Dims[c] == p.Scales.Length ? c : null);
                }
            }
        }
    }

    private static IEnumerable<Finding> Fit(QdqView view, Target target) =>
        from misfit in Misfits(view)
        let said = misfit.Dequantizer.Has("axis") ? "its axis attribute is wrong" : "it has no axis attribute, which means axis 1"
        select new Finding(misfit.Dequantizer.Name, $"The scales of the weight of '{misfit.Consumer.Name}' do not fit: {said}{(misfit.Right is { } r ? $"; set it to {r}" : "")}.", misfit.Right is not null);

    private static IEnumerable<Finding> Channel(QdqView view, Target target)
    {
        HashSet<Node> misfits = [.. Misfits(view).Select(m => m.Dequantizer)];
        foreach ((Node dequantizer, Node consumer) in view.Weights)
        {
            if (view.Graph.Constant(dequantizer.Input(0)) is { } codes && view.Parameters(dequantizer) is { Axis: { } axis, Block: 0 } && !misfits.Contains(dequantizer))
            {
                int rank = codes.Dims.Length;
                int? channel = QdqView.ChannelAxis(consumer, rank);
                if (channel is { } c && c != (axis < 0 ? axis + rank : axis))
                {
                    yield return new(consumer.Name, $"Its weight has scales along axis {axis}, but outputs are axis {c}: quantize the weight again along that.");
                }
            }
        }
    }

    private static IEnumerable<Finding> Activations(QdqView view, Target target) =>
        from node in view.ActivationSites
        where view.Parameters(node) is { Axis: not null }
        select new Finding(node.Name, $"It has a scale for each channel, and integer kernels of {target.Id} take one an activation: calibrate per tensor.");

    private static IEnumerable<Finding> PerTensor(QdqView view, Target target) =>
        from weight in view.Weights
        where target.Operators.ContainsKey(weight.Consumer.Op) && !target.ChannelWeights.Contains(weight.Consumer.Op) && view.Parameters(weight.Dequantizer) is { Axis: not null, Block: 0 }
        select new Finding(weight.Consumer.Name, $"{target.Id} takes one scale for the weight of {weight.Consumer.Op}, and this one has one a channel: quantize it per tensor.");
}
