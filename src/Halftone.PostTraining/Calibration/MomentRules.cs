using Halftone.Onnx;
using Halftone.PostTraining.Equalization;
using Halftone.Statistics;

namespace Halftone.PostTraining.Calibration;

/// <summary>How the outputs of an operator are distributed if its inputs are known.</summary>
internal sealed class MomentRules(Graph graph, IReadOnlyDictionary<string, ObservedValue> values, IReadOnlyDictionary<string, ValueMoments> known, double deviations)
{
    private const int MostChannels = 1 << 20;

    /// <summary>Of each output; null without a rule, or where an input is not known.</summary>
    public ValueMoments?[]? Outputs(Node node) => node.Domain.Length > 0 ? null : node.Op switch
    {
        "Conv" or "ConvTranspose" or "Gemm" or "MatMul" => One(Layer(node)),
        "BatchNormalization" or "InstanceNormalization" => One(Normalized(node, node.Input(1), node.Input(2), 1)),
        "LayerNormalization" or "RMSNormalization" => One(Normalized(node, node.Input(1), node.Input(2), Rank(node.Input(0)) - 1)),
        "Add" or "Sub" or "Mul" or "Div" or "Min" or "Max" when node.Inputs.Count == 2 => One(Combine(node)),
        "Add" or "Sum" => One(node.Inputs.Select(Of).Aggregate((a, b) => a is null || b is null ? null : Both(a, b, Added))),
        "Concat" => One(Joined(node)),
        "Split" => Parts(node),
        "Softmax" or "LogSoftmax" => One(Shares(node)),
        "Gather" when graph.Constant(node.Input(0)) is { Type: ElementType.Float } table => One(Constant(table, table.Dims.Length - 1) is { } rows ? rows with { Axis = Rank(node.Output(0)) - 1 } : null),
        "Clip" when ClipBounds.Of(graph, node) is { } bounds => One(Of(node.Input(0))?.Select(c => c.Clip(bounds.Low, bounds.High))),
        "Relu" => One(Of(node.Input(0))?.Select(c => c.Clip(0, double.PositiveInfinity))),
        "PRelu" when graph.Constant(node.Input(1)) is { Type: ElementType.Float, Count: > 0 } slope => One(Bent(node.Input(0), slope)),
        "Neg" => One(Of(node.Input(0))?.Select(c => c.Negated)),
        _ => Function(node) is { } f ? One(Of(node.Input(0))?.Select(c => Through(c, f))) : Moves(node) ? One(Moved(node)) : null,
    };

    private static ValueMoments?[]? One(ValueMoments? value) => value is null ? null : [value];

    private int Rank(string value) => values.TryGetValue(value, out ObservedValue? seen) ? seen.Dims.Length : -1;

    private ValueMoments? Of(string value) =>
        known.TryGetValue(value, out ValueMoments? found) ? found : graph.Constant(value) is { Type: ElementType.Float, Count: > 0 } constant ? Constant(constant, null) : null;

    // a constant is exactly what it is where it has one number a channel; otherwise its numbers are a distribution
    private static ValueMoments? Constant(Tensor constant, int? axis)
    {
        float[] numbers = constant.ToFloats();
        if (numbers.Length == 0)
        {
            return null;
        }

        int at = axis ?? (Enumerable.Range(0, constant.Dims.Length).Where(i => constant.Dims[i] != 1).ToArray() is [var only] ? only : -1);
        int channels = at < 0 ? 1 : (int)constant.Dims[at];
        int inner = at < 0 ? 1 : (int)constant.Dims.Skip(at + 1).Aggregate(1L, (a, b) => a * b);
        ChannelDistribution[] all = [.. numbers.Select((v, i) => (v, i)).GroupBy(p => p.i / inner % channels).OrderBy(g => g.Key).Select(g => OfNumbers([.. g.Select(p => (double)p.v)]))];
        return new(all, at);
    }

    private static ChannelDistribution OfNumbers(double[] numbers)
    {
        double mean = numbers.Average();
        return ChannelDistribution.Of(mean, numbers.Average(v => (v - mean) * (v - mean)), numbers.Min(), numbers.Max());
    }

    private ValueMoments? Layer(Node node)
    {
        if (Of(node.Input(0)) is not { } x)
        {
            return null;
        }

        int rank = Rank(node.Outputs[0]);
        if (LinearLayer.Any(graph, node) is not { } layer)
        {
            return Of(node.Input(1)) is { } y && node.Is("MatMul") ? Product(node, x, y) : null;
        }

        bool last = node.Op is "Gemm" or "MatMul";
        ChannelDistribution[] inputs = node.Int("transA", 0) != 0 ? x.Along(-2, layer.Inputs, deviations) : x.Along(last ? Rank(node.Input(0)) - 1 : 1, layer.Inputs, deviations);
        double alpha = node.Is("Gemm") ? node.Float("alpha", 1) : 1;
        double[] means = layer.Apply(Array.ConvertAll(inputs, c => c.Mean * alpha));
        double[] variances = layer.Apply(Array.ConvertAll(layer.Weight.ToFloats(), w => w * w), Array.ConvertAll(inputs, c => c.Variance * alpha * alpha));
        float[]? bias = node.Is("MatMul") ? null : graph.Constant(node.Input(2))?.ToFloats();
        double beta = node.Is("Gemm") ? node.Float("beta", 1) : 1;
        return new([.. means.Select((m, c) => new ChannelDistribution(new(m + (bias is null ? 0 : beta * bias[c % bias.Length]), Math.Sqrt(variances[c]))))], last ? rank - 1 : 1);
    }

    // of two values: k products are added
    private ValueMoments? Product(Node node, ValueMoments x, ValueMoments y)
    {
        if (!values.TryGetValue(node.Input(0), out ObservedValue? seen) || seen.Dims.IsEmpty)
        {
            return null;
        }

        ChannelDistribution one = Multiplied(x.Pooled(deviations).Channels[0], y.Pooled(deviations).Channels[0]);
        long k = seen.Dims[^1];
        return ValueMoments.Same(new(new ClippedNormal(k * one.Mean, Math.Sqrt(k * one.Variance))));
    }

    private ValueMoments? Normalized(Node node, string scale, string shift, int axis) =>
        graph.Constant(scale) is { Type: ElementType.Float } gamma && axis >= 0
            ? new([.. gamma.ToFloats().Select((g, c) => new ChannelDistribution(new(graph.Constant(shift) is { Type: ElementType.Float } beta ? beta.ToFloats()[c] : 0, Math.Abs(g))))], axis)
            : null;

    private ValueMoments? Combine(Node node)
    {
        if (Of(node.Input(0)) is not { } a || Of(node.Input(1)) is not { } b)
        {
            return null;
        }

        // axes count from the end where operands are broadcast
        int rank = Rank(node.Outputs[0]);
        a = Broadcast(a, node.Input(0), rank);
        b = Broadcast(b, node.Input(1), rank);
        bool same = node.Input(0) == node.Input(1);
        return node.Op switch
        {
            "Add" when same => a.Select(c => Through(c, v => 2 * v)),
            "Mul" when same => a.Select(c => Through(c, v => v * v)),
            "Add" => Both(a, b, Added),
            "Sub" => Both(a, b.Select(c => c.Negated), Added),
            "Mul" => Both(a, b, Multiplied),
            "Div" => Both(a, b.Select(c => Through(c, v => v == 0 ? 0 : 1 / v)), Multiplied),
            "Min" => Both(a, b, (x, y) => x.Clip(double.NegativeInfinity, y.Range(deviations).Max)),
            _ => Both(a, b, (x, y) => x.Clip(y.Range(deviations).Min, double.PositiveInfinity)),
        };
    }

    private ValueMoments Broadcast(ValueMoments value, string name, int rank)
    {
        int own = known.ContainsKey(name) ? Rank(name) : graph.Constant(name)!.Dims.Length;
        return value.Axis < 0 ? value : rank < 0 || own < 0 ? value.Pooled(deviations) : value with { Axis = value.Axis + rank - own };
    }

    private ValueMoments Both(ValueMoments a, ValueMoments b, Func<ChannelDistribution, ChannelDistribution, ChannelDistribution> of)
    {
        if (a.Axis >= 0 && b.Axis >= 0 && (a.Axis != b.Axis || a.Channels.Length != b.Channels.Length))
        {
            (a, b) = a.Channels.Length >= b.Channels.Length ? (a, b.Pooled(deviations)) : (a.Pooled(deviations), b);
        }

        (int axis, int length) = a.Axis >= 0 ? (a.Axis, a.Channels.Length) : (b.Axis, b.Channels.Length);
        return new([.. Enumerable.Range(0, length).Select(c => of(a.Channels[a.Axis < 0 ? 0 : c], b.Channels[b.Axis < 0 ? 0 : c]))], axis);
    }

    private static ChannelDistribution Added(ChannelDistribution a, ChannelDistribution b) =>
        ChannelDistribution.Of(a.Mean + b.Mean, a.Variance + b.Variance, Math.Max(a.Min, a.Normal.Low) + Math.Max(b.Min, b.Normal.Low), Math.Min(a.Max, a.Normal.High) + Math.Min(b.Max, b.Normal.High));

    private ChannelDistribution Multiplied(ChannelDistribution a, ChannelDistribution b)
    {
        (double Min, double Max) x = a.Range(deviations);
        (double Min, double Max) y = b.Range(deviations);
        double[] corners = [x.Min * y.Min, x.Min * y.Max, x.Max * y.Min, x.Max * y.Max];
        (double ma, double mb) = (a.Mean, b.Mean);
        double variance = ((a.Variance + (ma * ma)) * (b.Variance + (mb * mb))) - (ma * ma * mb * mb);
        return ChannelDistribution.Of(ma * mb, variance, corners.Min(), corners.Max());
    }

    /// <summary>f of a clipped normal, integrated over as many deviations as a range has.</summary>
    private ChannelDistribution Through(ChannelDistribution x, Func<double, double> f)
    {
        const int Places = 96;
        (double weights, double sum, double squares, double low, double high) = (0, 0, 0, double.PositiveInfinity, double.NegativeInfinity);
        for (int i = -Places; i <= Places; i++)
        {
            double t = deviations * i / Places;
            double y = f(Math.Clamp(Math.Clamp(x.Normal.Centre + (t * x.Normal.Spread), x.Normal.Low, x.Normal.High), x.Min, x.Max));
            double weight = Math.Exp(-t * t / 2);
            (weights, sum, squares, low, high) = (weights + weight, sum + (weight * y), squares + (weight * y * y), Math.Min(low, y), Math.Max(high, y));
        }

        double mean = sum / weights;
        return ChannelDistribution.Of(mean, (squares / weights) - (mean * mean), low, high);
    }

    private ValueMoments? Bent(string value, Tensor slope)
    {
        float[] slopes = slope.ToFloats();
        return Of(value) is not { } x ? null : new([.. x.Channels.Select((c, i) => Through(c, v => v >= 0 ? v : v * (slopes.Length == x.Channels.Length ? slopes[i] : slopes.Average())))], x.Axis);
    }

    private ValueMoments? Joined(Node node)
    {
        ValueMoments?[] parts = [.. node.Inputs.Select(Of)];
        int axis = (int)node.Int("axis", 1);
        axis = axis < 0 ? axis + Rank(node.Outputs[0]) : axis;
        if (parts.Any(p => p is null))
        {
            return null;
        }

        if (node.Inputs.All(i => values.TryGetValue(i, out ObservedValue? seen) && axis < seen.Dims.Length && seen.Dims[axis] is > 0 and <= MostChannels) && parts.All(p => p!.Axis < 0 || p.Axis == axis))
        {
            return new([.. node.Inputs.SelectMany((input, i) => parts[i]!.Along(axis, (int)values[input].Dims[axis], deviations))], axis);
        }

        ValueMoments first = parts[0]!;
        return parts.All(p => p!.Axis == first.Axis && p.Channels.Length == first.Channels.Length)
            ? new([.. first.Channels.Select((_, c) => ValueMoments.Mixture([.. parts.Select(p => p!.Channels[c])], deviations))], first.Axis)
            : ValueMoments.Same(ValueMoments.Mixture([.. parts.Select(p => p!.Pooled(deviations).Channels[0])], deviations));
    }

    private ValueMoments?[]? Parts(Node node)
    {
        if (Of(node.Input(0)) is not { } x)
        {
            return null;
        }

        int axis = (int)node.Int("axis", 0);
        axis = axis < 0 ? axis + Rank(node.Input(0)) : axis;
        int from = 0;
        return [.. node.Outputs.Select(output =>
        {
            if (x.Axis != axis)
            {
                return x;
            }

            int length = values.TryGetValue(output, out ObservedValue? seen) ? (int)seen.Dims[axis] : 0;
            ChannelDistribution[] part = x.Channels[Math.Min(from, x.Channels.Length)..Math.Min(from + length, x.Channels.Length)];
            from += length;
            return part.Length == length && length > 0 ? new ValueMoments(part, axis) : x.Pooled(deviations);
        })];
    }

    private ValueMoments? Shares(Node node)
    {
        if (!values.TryGetValue(node.Outputs[0], out ObservedValue? seen) || seen.Dims.IsEmpty)
        {
            return null;
        }

        int axis = (int)node.Int("axis", -1);
        double share = 1.0 / Math.Max(1, seen.Dims[axis < 0 ? axis + seen.Dims.Length : axis]);
        return ValueMoments.Same(node.Is("Softmax") ? ChannelDistribution.Of(share, share * (1 - share), 0, 1) : ChannelDistribution.Of(Math.Log(share), Math.Log(share) * Math.Log(share), double.NegativeInfinity, 0));
    }

    private static Func<double, double>? Function(Node node)
    {
        double alpha = node.Float("alpha", node.Op switch { "LeakyRelu" => 0.01f, "HardSigmoid" => 0.2f, _ => 1 });
        double beta = node.Float("beta", 0.5f);
        return node.Op switch
        {
            "LeakyRelu" => x => x >= 0 ? x : alpha * x,
            "Sigmoid" => x => 1 / (1 + Math.Exp(-x)),
            "Tanh" => Math.Tanh,
            "HardSigmoid" => x => Math.Clamp((alpha * x) + beta, 0, 1),
            "HardSwish" => x => x * Math.Clamp((x / 6) + 0.5, 0, 1),
            "Elu" => x => x >= 0 ? x : alpha * (Math.Exp(x) - 1),
            "Softplus" => x => Math.Max(x, 0) + Math.Log(1 + Math.Exp(-Math.Abs(x))),
            "Softsign" => x => x / (1 + Math.Abs(x)),
            "Mish" => x => x * Math.Tanh(Math.Max(x, 0) + Math.Log(1 + Math.Exp(-Math.Abs(x)))),
            "Gelu" => x => x * Numerics.Normal.Cumulative(x),
            "Erf" => Numerics.Normal.ErrorFunction,
            "Abs" => Math.Abs,
            "Exp" => x => Math.Exp(Math.Min(x, 80)),
            "Sqrt" => x => Math.Sqrt(Math.Max(x, 0)),
            _ => null,
        };
    }

    // elements stay what they are, wherever they go
    private static bool Moves(Node node) => node.Op is "Identity" or "Dropout" or "Cast" or "MaxPool" or "AveragePool" or "GlobalAveragePool" or "GlobalMaxPool" or "LpPool" or "Pad" or "Resize" or "Upsample"
        or "Reshape" or "Flatten" or "Transpose" or "Squeeze" or "Unsqueeze" or "Expand" or "Tile" or "Slice" or "Gather" or "DepthToSpace" or "SpaceToDepth" or "ReduceMean" or "ReduceMax" or "ReduceMin";

    private ValueMoments? Moved(Node node)
    {
        if (Of(node.Input(0)) is not { } x)
        {
            return null;
        }

        x = node.Op is "Pad" ? Padded(node, x) : x;
        if (x.Axis < 0 || !values.TryGetValue(node.Input(0), out ObservedValue? before) || !values.TryGetValue(node.Outputs[0], out ObservedValue? after))
        {
            return x.Pooled(deviations);
        }

        int axis = node.Op switch
        {
            "Transpose" => node.Ints("perm") is { } perm ? Array.IndexOf(perm, (long)x.Axis) : before.Dims.Length - 1 - x.Axis,
            "Identity" or "Dropout" or "Cast" or "MaxPool" or "AveragePool" or "GlobalAveragePool" or "GlobalMaxPool" or "LpPool" or "Pad" or "Resize" or "Upsample" => x.Axis,
            "Reshape" or "Flatten" or "Squeeze" or "Unsqueeze" => Reshaped(before.Dims, after.Dims, x.Axis),
            "ReduceMean" or "ReduceMax" or "ReduceMin" or "Slice" when before.Dims.Length == after.Dims.Length => x.Axis, // where its length is another, the channels are not told apart
            _ => -1,
        };
        if (axis < 0 || axis >= after.Dims.Length)
        {
            return x.Pooled(deviations);
        }

        long run = after.Dims[axis] / x.Channels.Length;
        return after.Dims[axis] == x.Channels.Length ? x with { Axis = axis }
            : node.Op is "Reshape" or "Flatten" && run > 1 && run * x.Channels.Length == after.Dims[axis] && after.Dims[axis] <= MostChannels
                ? new([.. x.Channels.SelectMany(c => Enumerable.Repeat(c, (int)run))], axis)
                : x.Pooled(deviations);
    }

    // zeros around the elements of a channel, and channels of zeros
    private ValueMoments Padded(Node node, ValueMoments x)
    {
        long[]? pads = node.Ints("pads") ?? (graph.Constant(node.Input(1)) is { Type: ElementType.Int64 } given ? given.ToInt64s() : null);
        ValueMoments around = x.Select(c => new(c.Normal with { Low = Math.Min(c.Normal.Low, 0), High = Math.Max(c.Normal.High, 0) }, Math.Min(c.Min, 0), Math.Max(c.Max, 0)));
        if (x.Axis < 0 || pads is null || node.Input(3).Length > 0 || 2 * x.Axis >= pads.Length || pads[x.Axis] is < 0 or > MostChannels || pads[(pads.Length / 2) + x.Axis] is < 0 or > MostChannels)
        {
            return around;
        }

        var zero = ChannelDistribution.Of(0, 0, 0, 0);
        return x with { Channels = [.. Enumerable.Repeat(zero, (int)pads[x.Axis]), .. around.Channels, .. Enumerable.Repeat(zero, (int)pads[(pads.Length / 2) + x.Axis])] };
    }

    // the axis before which there are as many elements as before the old one; trailing axes may have been merged into it
    private static int Reshaped(IReadOnlyList<long> before, IReadOnlyList<long> after, int axis)
    {
        long outside = before.Take(axis).Aggregate(1L, (a, b) => a * b);
        long at = 1;
        for (int i = 0; i < after.Count; i++)
        {
            if (at == outside && (after[i] == before[axis] || (after[i] > 1 && after[i] % before[axis] == 0 && i == after.Count - 1)))
            {
                return i;
            }

            at *= after[i];
        }

        return -1;
    }
}
