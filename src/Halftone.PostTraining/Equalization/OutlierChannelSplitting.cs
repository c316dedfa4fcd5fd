using Halftone.Formats;
using Halftone.Numerics;
using Halftone.Onnx;
using Halftone.Onnx.Passes;
using Halftone.Weights;

namespace Halftone.PostTraining.Equalization;

/// <summary>Splits the input channels with the greatest weights in two that add up to them, so that the range of the weights halves there; what the network computes stays the same.</summary>
/// <remarks>
/// <para>ceil(<see cref="Ratio"/> C) times the channel with the greatest |w|, one that was added among them: w x  =>  (w - s/2)/2 x + (w + s/2)/2 x, with s the step of the codes after a first, plain split
/// w/2, w/2. For rounding of halves upwards, rnd((v - 1/2)/2) + rnd((v + 1/2)/2) = rnd(v) (Hermite), so the pair errs as the whole did, on half the range. The channel is made twice by the layer before,
/// or read twice by a Gather where that has other readers. With <see cref="Activations"/> the values are split in the same way, and the weights are what is read twice.</para>
/// <para>From: Zhao, Hu, Dotzel, De Sa, Zhang 2019, Improving Neural Network Quantization without Retraining using Outlier Channel Splitting, arXiv:1901.09504, sections 3 and 4. Grouped and depthwise layers
/// cannot be split so. It costs Ratio of weights and products more; a second run splits again.</para>
/// </remarks>
public sealed record OutlierChannelSplitting : IGraphPass, IDescribed
{
    /// <inheritdoc/>
    public static MethodInfo Info { get; } = new("outlier-channel-splitting", "OCS: outlier channel splitting", "Zhao et al. 2019, Improving Neural Network Quantization without Retraining using Outlier Channel Splitting, arXiv:1901.09504");

    /// <summary>Channels added, as a part of those there are. The paper takes 0.01 to 0.05.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not above 0, or above 1.</exception>
    public double Ratio
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfNegativeOrZero(value);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(value, 1);
            field = value;
        }
    }

    = 0.02;

    /// <summary>Whether halves lie half a step apart, so that they round as the whole did; otherwise they are equal.</summary>
    public bool GridAware { get; init; } = true;

    /// <summary>Whether values are split instead of weights; needs samples.</summary>
    public bool Activations { get; init; }

    /// <summary>Bits of the values' codes, for <see cref="Activations"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not 1 to 16.</exception>
    public int ActivationBits
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 1);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(value, 16);
            field = value;
        }
    }

    = 8;

    /// <summary>Whether layers that read an input of the network take part; the paper leaves the first layer alone.</summary>
    public bool FirstLayer { get; init; }

    /// <inheritdoc/>
    public bool Apply(Graph graph, PassContext context)
    {
        LinearLayer[] layers = [.. graph.Nodes.Select(n => LinearLayer.Of(graph, n)).OfType<LinearLayer>()
            .Where(l => l.Node.Int("transA", 0) == 0 && graph.Constant(l.Node.Input(0)) is null && (FirstLayer || graph.Producer(l.Node.Input(0)) is not null))];
        foreach (LinearLayer grouped in layers.Where(l => l.Axes.Groups > 1))
        {
            context.Log.Add($"'{grouped.Node.Name}' has groups of channels, which cannot be split");
        }

        layers = [.. layers.Where(l => l.Axes.Groups == 1)];
        if (layers.Length == 0 || (Activations && context.ChannelRanges is null))
        {
            return false;
        }

        Dictionary<string, EqualizedPair> pairs = ChannelMap.Of(graph, context, shared: false).Pairs().Where(p => CanDouble(graph, p)).ToDictionary(p => p.Second.Name);
        Dictionary<string, ChannelRanges>? ranges = Activations ? context.ChannelRanges!([.. layers.Select(l => new ChannelAxis(l.Node.Input(0), ChannelAxis(l))).Distinct()]) : null;
        foreach (LinearLayer layer in layers)
        {
            int added = (int)Math.Ceiling(Ratio * layer.Inputs);
            if (ranges is not null)
            {
                SplitValues(graph, layer, ranges[layer.Node.Input(0)], added);
            }
            else
            {
                SplitWeights(graph, context, layer.Node, pairs.GetValueOrDefault(layer.Node.Name), added);
            }

            context.Log.Add($"'{layer.Node.Name}': {added} channels added to {layer.Inputs}");
        }

        return true;
    }

    private void SplitWeights(Graph graph, PassContext context, Node node, EqualizedPair? pair, int added)
    {
        LinearLayer layer = LinearLayer.Of(graph, node)!; // as it is now: the layer behind may have doubled its outputs
        (float[][] columns, int inner) = Columns(layer);
        ChannelSplit split = ChannelSplit.OfWeights(columns, added, null);
        if (GridAware)
        {
            WeightTarget target = context.WeightTarget(new(node.Name, 1)) ?? new(new IntegerGrid(8, true).Narrow, true, Granularity.Tensor);
            split = ChannelSplit.OfWeights(columns, added, Steps(layer, split, inner, target));
        }

        graph.SetConstant(node.Input(1), Joined(layer, split, inner));
        if (pair is null)
        {
            Gather(graph, layer, split.Origins);
        }
        else
        {
            DoubleOutputs(graph, context, pair.First, split.Origins);
        }
    }

    private void SplitValues(Graph graph, LinearLayer layer, ChannelRanges ranges, int added)
    {
        ValueSplit split = ValueSplit.Of(ranges.Min, ranges.Max, added, 0);
        split = GridAware ? ValueSplit.Of(ranges.Min, ranges.Max, added, split.Step(ranges.Min, ranges.Max, ActivationBits)) : split;
        (float[][] columns, int inner) = Columns(layer);
        graph.SetConstant(layer.Node.Input(1), Joined(layer, new(split.Origins, [.. split.Origins.Select(o => columns[o])]), inner));
        string value = Gather(graph, layer, split.Origins);
        long[] dims = [split.Origins.Length, .. Enumerable.Repeat(1L, layer.Node.Op is "Gemm" or "MatMul" ? 0 : layer.Weight.Dims.Length - 2)];
        foreach ((string op, double[] numbers) in (ReadOnlySpan<(string, double[])>)[("Mul", split.Factors), ("Add", split.Offsets)])
        {
            if (numbers.Any(n => n != (op == "Mul" ? 1 : 0)))
            {
                string constant = graph.AddConstant($"{layer.Node.Name}_split_{op}", Tensor.Of([.. numbers.Select(n => (float)n)], dims));
                value = graph.InsertBefore(layer.Node, new Node(graph.FreshName($"{layer.Node.Name}_split_{op}"), op, [value, constant], [graph.FreshName($"{value}_{op}")])).Outputs[0];
                graph.SetInput(layer.Node, 0, value);
            }
        }
    }

    /// <summary>The weights of each input channel, and the elements from one to the next.</summary>
    internal static (float[][] Columns, int Inner) Columns(LinearLayer layer)
    {
        ChannelSite read = layer.InputSite([]);
        float[] weight = layer.Weight.ToFloats();
        int channels = layer.Inputs;
        float[][] columns = [.. Enumerable.Range(0, channels).Select(_ => new float[weight.Length / channels])];
        for (int i = 0; i < weight.Length; i++)
        {
            columns[read.Channel(i)][(i / read.Inner / channels * read.Inner) + (i % read.Inner)] = weight[i];
        }

        return (columns, read.Inner);
    }

    private static Tensor Joined(LinearLayer layer, ChannelSplit split, int inner)
    {
        int channels = split.Columns.Length;
        var values = new float[channels * split.Columns[0].Length];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = split.Columns[i / inner % channels][(i / inner / channels * inner) + (i % inner)];
        }

        long[] dims = [.. layer.Weight.Dims];
        dims[layer.Axes.Input] = channels;
        return Tensor.Of(values, dims);
    }

    // of each place of a column; places of one output share it, or all do
    private static double[] Steps(LinearLayer layer, ChannelSplit split, int inner, WeightTarget target)
    {
        ChannelSite made = layer.OutputSite([]);
        bool channels = target.Granularity.Kind is GranularityKind.Channel;
        int[] group = [.. Enumerable.Range(0, split.Columns[0].Length).Select(p => channels ? made.Channel((p / inner * inner * layer.Inputs) + (p % inner)) : 0)];
        var (min, max) = (new double[group.Max() + 1], new double[group.Max() + 1]);
        foreach (float[] column in split.Columns)
        {
            for (int p = 0; p < column.Length; p++)
            {
                min[group[p]] = Math.Min(min[group[p]], column[p]);
                max[group[p]] = Math.Max(max[group[p]], column[p]);
            }
        }

        double[] steps = [.. min.Zip(max, (a, b) => a == 0 && b == 0 ? 0 : AffineParameters.FromRange(a, b, target.Codes, target.Symmetric).Scale)];
        return [.. group.Select(g => steps[g])];
    }

    private static int ChannelAxis(LinearLayer layer) => layer.Node.Op is "Gemm" or "MatMul" ? -1 : 1;

    private static string Gather(Graph graph, LinearLayer layer, int[] origins)
    {
        string value = layer.Node.Input(0);
        string indices = graph.AddConstant($"{layer.Node.Name}_channels", Tensor.Of([.. origins.Select(o => (long)o)], origins.Length));
        Node gather = graph.InsertBefore(layer.Node, new Node(graph.FreshName($"{layer.Node.Name}_gather"), "Gather", [value, indices], [graph.FreshName($"{value}_split")]).With("axis", ChannelAxis(layer)));
        graph.SetInput(layer.Node, 0, gather.Outputs[0]);
        return gather.Outputs[0];
    }

    // between the layers only what treats every channel alike
    private static bool CanDouble(Graph graph, EqualizedPair pair) =>
        pair.Reads.Ids.SequenceEqual(pair.Makes.Ids) && LinearLayer.Of(graph, pair.First)!.Axes.Groups == 1
        && pair.Values.Skip(1).All(v => graph.Producer(v)!.Op is "Relu" or "LeakyRelu" or "Identity" or "MaxPool" or "AveragePool" or "GlobalAveragePool" or "GlobalMaxPool" or "Clip");

    private static void DoubleOutputs(Graph graph, PassContext context, Node first, int[] origins)
    {
        LinearLayer layer = LinearLayer.Of(graph, first)!;
        graph.SetConstant(first.Input(1), Picked(layer.Weight, layer.Axes.Output, origins));
        if (graph.Constant(first.Input(2)) is { } bias)
        {
            graph.SetConstant(first.Input(2), Picked(bias, bias.Dims.Length - 1, origins));
        }

        if (context.BatchNorm.TryGetValue(first.Name, out BatchNormMoments? moments))
        {
            context.BatchNorm[first.Name] = new([.. origins.Select(o => moments.Mean[o])], [.. origins.Select(o => moments.Deviation[o])]);
        }
    }

    private static Tensor Picked(Tensor tensor, int axis, int[] indices)
    {
        float[] values = tensor.ToFloats();
        int inner = (int)tensor.Dims.Skip(axis + 1).Aggregate(1L, (a, b) => a * b);
        int length = (int)tensor.Dims[axis];
        long[] dims = [.. tensor.Dims];
        dims[axis] = indices.Length;
        var picked = new float[values.Length / length * indices.Length];
        for (int i = 0; i < picked.Length; i++)
        {
            picked[i] = values[(((i / inner / indices.Length * length) + indices[i / inner % indices.Length]) * inner) + (i % inner)];
        }

        return Tensor.Of(picked, dims);
    }
}
