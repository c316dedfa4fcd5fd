using System.Numerics.Tensors;
using Halftone.Onnx;
using Halftone.Onnx.Passes;
using Halftone.PostTraining.Plans;
using Halftone.Weights;
using Tensor = Halftone.Onnx.Tensor;

namespace Halftone.PostTraining.Equalization;

/// <summary>Makes the weights of salient input channels larger, where large inputs meet them, so that rounding hurts these less; what the network computes stays the same.</summary>
/// <remarks>
/// <para>W x = (W diag(s)) (diag(s)^-1 x), s[j] = mean|x[j]|^alpha, divided by sqrt(max s min s); alpha of 0, 1/20, ..., 19/20 is the one that minimizes E |(Q(W diag(s)) diag(s)^-1 - W) x|^2 over all layers
/// that read x, exactly, from the second moment of their inputs. diag(s)^-1 goes into the normalization or layer that makes x, or else into a product before the layers.</para>
/// <para>From: Lin et al. 2023, AWQ: Activation-aware Weight Quantization for LLM Compression and Acceleration, arXiv:2306.00978, section 3.2; its search of clipping ranges is left to weight methods.
/// Cost: 20 times outputs times inputs squared for each layer.</para>
/// </remarks>
public sealed record ActivationAwareScaling : IGraphPass, IDescribed
{
    private const double Smallest = 1e-4; // of s, as in the reference implementation

    /// <inheritdoc/>
    public static MethodInfo Info { get; } = new("awq", "AWQ: activation-aware scaling", "Lin et al. 2023, AWQ: Activation-aware Weight Quantization for LLM Compression and Acceleration, arXiv:2306.00978");

    /// <summary>Exponents tried, evenly from 0.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Below 1.</exception>
    public int Steps
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 1);
            field = value;
        }
    }

    = 20;

    /// <summary>Whether a product is put before layers where nothing before them can take their scale.</summary>
    public bool InsertProducts { get; init; } = true;

    /// <inheritdoc/>
    /// <remarks>Without samples, or where it is not known how weights will be quantized, nothing changes. A second run searches anew.</remarks>
    public bool Apply(Graph graph, PassContext context)
    {
        if (context.ChannelRanges is not { } learn || context.LayerInputs is not { } moments)
        {
            return false;
        }

        var map = ChannelMap.Of(graph, context, shared: false);
        ScaledInputs[] all = [.. ScaledInputs.All(graph, map).Where(g => (g.Ids is not null || InsertProducts) && g.Layers.All(l => context.WeightTarget(Site(l)) is not null))];
        Dictionary<string, ChannelRanges> ranges = all.Length == 0 ? [] : learn([.. all.Select(g => new ChannelAxis(g.Value, g.Axis))]);
        var scales = new ChannelScales(graph, map);
        List<(ScaledInputs Group, double[] Scales)> products = [];
        foreach (ScaledInputs group in all)
        {
            // one group's moments at a time: they are the square of its inputs
            IReadOnlyDictionary<InputSite, LayerStatistics> inputs = moments([.. group.Layers.Select(Site)]);
            (double exponent, double[] best) = Search(group, ranges[group.Value].MeanMagnitude, inputs, context);
            if (exponent == 0)
            {
                continue;
            }

            context.Log.Add($"scaled the inputs of {string.Join(", ", group.Layers.Select(l => $"'{l.Node.Name}'"))} by mean|x|^{exponent:0.##}{(group.Ids is null ? ", in a product before them" : "")}");
            if (group.Ids is null)
            {
                products.Add((group, best));
                continue;
            }

            for (int j = 0; j < best.Length; j++)
            {
                scales[group.Ids[j]] = 1 / best[j];
            }
        }

        bool folded = scales.Greatest > 0;
        if (folded)
        {
            scales.Apply(context);
        }

        products.ForEach(p => p.Group.InsertProduct(graph, p.Scales));
        return folded || products.Count > 0;
    }

    /// <summary>The scale of an exponent.</summary>
    internal static double[] Scale(float[] meanMagnitude, double exponent)
    {
        double[] scales = [.. meanMagnitude.Select(m => Math.Max(Smallest, Math.Pow(m, exponent)))];
        double middle = Math.Sqrt(scales.Max() * scales.Min());
        return [.. scales.Select(s => s / middle)];
    }

    /// <summary>E |(Q(W diag(s)) diag(s)^-1 - W) x|^2.</summary>
    internal static double Loss(LinearLayer layer, WeightTarget target, LayerStatistics inputs, double[] scales)
    {
        ChannelSite read = layer.InputSite([]);
        float[] weight = layer.Weight.ToFloats();
        float[] scaled = [.. weight.Select((w, i) => (float)(w * scales[read.Channel(i)]))];
        WeightView view = WeightViews.Of(layer.Node, Tensor.Of(scaled, layer.Weight.Dims.AsSpan()));
        float[] rounded = new RoundToNearest().Quantize(view, target, LayerStatistics.None).Dequantize();
        WeightMatrix matrix = view.Matrix!.Value;
        int d = matrix.Columns;
        int rowsPerGroup = matrix.Rows / Math.Max(1, view.Groups);
        var losses = new double[matrix.Rows];
        double[] moment = inputs.SecondMoment!;
        Parallel.For(0, matrix.Rows, row =>
        {
            var error = new double[d];
            for (int c = 0; c < d; c++)
            {
                int at = matrix.Element(row, c);
                error[c] = (rounded[at] / scales[read.Channel(at)]) - weight[at];
            }

            int start = row / rowsPerGroup * d * d;
            for (int c = 0; c < d; c++)
            {
                losses[row] += error[c] * TensorPrimitives.Dot<double>(moment.AsSpan(start + (c * d), d), error);
            }
        });
        return losses.Sum();
    }

    private (double Exponent, double[] Scales) Search(ScaledInputs group, float[] meanMagnitude, IReadOnlyDictionary<InputSite, LayerStatistics> inputs, PassContext context)
    {
        double[] best = Scale(meanMagnitude, 0);
        (double exponent, double least) = (0, double.PositiveInfinity);
        if (group.Layers.Any(l => inputs.GetValueOrDefault(Site(l))?.SecondMoment is null))
        {
            context.Log.Add($"the inputs of '{group.Layers[0].Node.Name}' are too many to know, or no rows: not scaled");
            return (0, best);
        }

        for (int step = 0; step < Steps; step++)
        {
            double tried = (double)step / Steps;
            double[] scales = Scale(meanMagnitude, tried);
            double loss = group.Layers.Sum(l => Loss(l, context.WeightTarget(Site(l))!, inputs[Site(l)], scales));
            if (loss < least)
            {
                (exponent, least, best) = (tried, loss, scales);
            }
        }

        return (exponent, best);
    }

    private static InputSite Site(LinearLayer layer) => new(layer.Node.Name, 1);
}
