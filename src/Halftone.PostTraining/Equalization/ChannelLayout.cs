using Halftone.Onnx;
using Halftone.Onnx.Passes;

namespace Halftone.PostTraining.Equalization;

/// <summary>The channels of a value.</summary>
/// <param name="Ids">Of the <see cref="ChannelMap"/>, in order.</param>
/// <param name="Axis">The axis they are on; -1 is the last of an unknown rank.</param>
/// <param name="Rank">The value's rank; -1 where it is not known.</param>
internal sealed record ChannelsOfValue(int[] Ids, int Axis, int Rank)
{
    /// <summary>Whether each channel stands for a run of elements, whose length the reader's weight tells: [N, C, H, W] became [N, C H W].</summary>
    public bool IsOpen { get; init; }

    /// <summary>The channel of each input of a reader; null where it does not fit.</summary>
    public int[]? Spread(int inputs)
    {
        if (inputs == Ids.Length)
        {
            return Ids;
        }

        int run = inputs / Ids.Length;
        return IsOpen && run * Ids.Length == inputs ? [.. Enumerable.Range(0, inputs).Select(i => Ids[i / run])] : null;
    }

    /// <summary>Whether a constant has one number for each channel when it is broadcast to the value.</summary>
    public bool Fits(Tensor constant)
    {
        int at = Axis < 0 || Rank < 0 ? Axis + constant.Dims.Length : Axis - (Rank - constant.Dims.Length);
        return !IsOpen && (Axis < 0 || (Rank > 0 && constant.Dims.Length <= Rank)) && at >= 0 && at < constant.Dims.Length
            && constant.Dims[at] == Ids.Length && constant.Count == Ids.Length;
    }
}

/// <summary>Where channels are after nodes that move or keep elements.</summary>
internal static class ChannelLayout
{
    /// <summary>Channels of the output, or null where a scale does not get through or the axis is lost.</summary>
    public static ChannelsOfValue? Through(Graph graph, Node node, ChannelsOfValue at, PassContext context) => node.Op switch
    {
        "Clip" => OnlyCutsNegatives(graph, node) ? at : null,
        "Pad" => PadsZeros(graph, node, at) ? at : null,
        _ when at.IsOpen || at.Axis < 0 || at.Rank < 0 => null,
        "Flatten" when node.Int("axis", 1) == 1 => Opened(at),
        "Reshape" when KeepsRows(graph, node, context) => Opened(at),
        "Transpose" when node.Ints("perm") is { } perm && perm.Length == at.Rank => at with { Axis = Array.IndexOf(perm, (long)at.Axis) },
        "Squeeze" or "ReduceMean" => Without(at, Axes(graph, node), node.Is("ReduceMean") && node.Int("keepdims", 1) != 0),
        _ => null,
    };

    private static ChannelsOfValue? Opened(ChannelsOfValue at) => at.Axis == 1 ? at with { Rank = 2, IsOpen = true } : null;

    // to one row for each index of the first axis
    private static bool KeepsRows(Graph graph, Node node, PassContext context)
    {
        if (graph.Constant(node.Input(1)) is { Type: ElementType.Int64 } shape && shape.ToInt64s() is [0, -1] && node.Int("allowzero", 0) == 0)
        {
            return true;
        }

        return context.Lengths(node.Input(0)) is { Count: > 1 } before && context.Lengths(node.Outputs[0]) is { Count: 2 } after && before[0] == after[0];
    }

    private static ChannelsOfValue? Without(ChannelsOfValue at, int[]? axes, bool kept)
    {
        if (axes is null)
        {
            return null;
        }

        int[] removed = [.. axes.Select(a => a < 0 ? a + at.Rank : a)];
        return removed.Contains(at.Axis) ? null : kept ? at : at with { Axis = at.Axis - removed.Count(a => a < at.Axis), Rank = at.Rank - removed.Length };
    }

    private static int[]? Axes(Graph graph, Node node) =>
        (node.Ints("axes") ?? (graph.Constant(node.Input(1)) is { Type: ElementType.Int64 } axes ? axes.ToInt64s() : null)) is { Length: > 0 } found ? [.. found.Select(a => (int)a)] : null;

    // Clip(0, infinity) is a Relu
    private static bool OnlyCutsNegatives(Graph graph, Node node)
    {
        (float low, float high) = ClipBounds.Of(graph, node) ?? (float.NaN, float.NaN);
        return (low == 0 || low == float.NegativeInfinity) && (high == float.PositiveInfinity || high == float.MaxValue);
    }

    private static bool PadsZeros(Graph graph, Node node, ChannelsOfValue at)
    {
        long[]? pads = node.Ints("pads") ?? (graph.Constant(node.Input(1)) is { Type: ElementType.Int64 } given ? given.ToInt64s() : null);
        bool zero = node.Text("mode", "constant") != "constant" || (node.Input(2).Length == 0 ? node.Float("value", 0) == 0 : graph.Constant(node.Input(2)) is { Type: ElementType.Float, Count: 1 } value && value.ToFloats()[0] == 0);
        return zero && !at.IsOpen && at.Axis >= 0 && node.Input(3).Length == 0 && pads?.Length == 2 * at.Rank && pads[at.Axis] == 0 && pads[at.Rank + at.Axis] == 0;
    }
}

/// <summary>The bounds of a Clip.</summary>
internal static class ClipBounds
{
    /// <summary>Low and high, infinite where there are none; null where one is no constant.</summary>
    public static (float Low, float High)? Of(Graph graph, Node clip)
    {
        float? low = Bound(graph, clip, 1, "min", float.NegativeInfinity);
        float? high = Bound(graph, clip, 2, "max", float.PositiveInfinity);
        return low is { } l && high is { } h ? (l, h) : null;
    }

    private static float? Bound(Graph graph, Node clip, int place, string attribute, float missing) =>
        clip.Input(place).Length == 0 ? clip.Float(attribute, missing)
        : graph.Constant(clip.Input(place)) is { Type: ElementType.Float, Count: 1 } bound ? bound.ToFloats()[0] : null;
}
