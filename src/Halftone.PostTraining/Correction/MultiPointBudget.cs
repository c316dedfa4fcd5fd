using Halftone.Formats;
using Halftone.Onnx;
using Halftone.PostTraining.Calibration;
using Halftone.PostTraining.Plans;
using Halftone.Weights;

namespace Halftone.PostTraining.Correction;

/// <summary>Gives every weight points by multi-point quantization, with the one threshold for all layers at which the further points cost what they may.</summary>
/// <remarks>
/// The least epsilon, found by bisection of its logarithm, at which the multiply-accumulates of points beyond the first stay within <see cref="Extra"/> of the network's.
/// From: Liu et al. 2021, Post-training Quantization with Multiple Points: Mixed Precision without Mixed Precision, arXiv:2002.09049, section 3.3. Without samples
/// the errors are those of the weights. Weights that several nodes read stay as they are.
/// </remarks>
public sealed record MultiPointBudget : IPlanMethod, IDescribed
{
    private const double Least = 1e-6;
    private const int Steps = 12; // the threshold to a factor of 1.003

    /// <inheritdoc/>
    public static MethodInfo Info { get; } = new("multi-point-budget", "Multi-point quantization under a budget of operations", "Liu et al. 2021, arXiv:2002.09049");

    /// <summary>Multiply-accumulates of further points, as a share of the network's.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Negative or not finite.</exception>
    public double Extra
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            ArgumentOutOfRangeException.ThrowIfEqual(double.IsFinite(value), false, nameof(value));
            field = value;
        }
    }

    = 0.1;

    /// <summary>Points of a channel at most.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Below 1 or above 8.</exception>
    public int Pmax
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 1);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(value, 8);
            field = value;
        }
    }

    = 4;

    /// <inheritdoc/>
    public bool NeedsSamples => false;

    /// <inheritdoc/>
    public QuantizationPlan Improve(Graph graph, QuantizationPlan plan, ICalibrationRun run, CancellationToken cancel = default)
    {
        Layer[] layers =
        [
            .. graph.Nodes.Where(n => n.Op is "Conv" or "Gemm" or "MatMul" && plan.Weights.ContainsKey(new(n.Name, 1)) && !plan.DynamicNodes.Contains(n.Name) && graph.Consumers(n.Input(1)).Count == 1)
                .Select(n => new Layer(new(n.Name, 1), WeightViews.Of(n, graph.Constant(n.Input(1))!), Math.Max(Macs.Of(graph, n, run.Values), graph.Constant(n.Input(1))!.Count))),
        ];
        double allowed = Extra * layers.Sum(l => (double)l.Macs);
        QuantizationPlan With(double epsilon) => plan with
        {
            Weights = plan.Weights.SetItems(layers.Select(l =>
                KeyValuePair.Create(l.Site, run.Quantize(plan, l.Site, l.Weight.Values.ToArray(), null, new MultiPoint { Epsilon = epsilon, Pmax = Pmax }, cancel)))),
        };

        // all get one point where nothing may err too much
        (double low, double high) = (Math.Log(Least), 0);
        QuantizationPlan best = With(double.PositiveInfinity);
        for (int step = 0; step < Steps && layers.Length > 0; step++)
        {
            double middle = (low + high) / 2;
            QuantizationPlan tried = With(Math.Exp(middle));
            if (layers.Sum(l => l.Macs * FurtherPoints(l.Weight, tried.Weights[l.Site])) <= allowed)
            {
                (high, best) = (middle, tried);
            }
            else
            {
                low = middle;
            }
        }

        return best;
    }

    /// <summary>Points beyond the first, per output channel.</summary>
    internal static double FurtherPoints(WeightView weight, QuantizedTensor quantized)
    {
        if (quantized is not SumTensor sum)
        {
            return 0;
        }

        int channels = weight.OutputChannels;
        int inner = 1;
        foreach (int length in weight.Shape.AsSpan()[(weight.OutputAxis + 1)..])
        {
            inner *= length;
        }

        int points = 0;
        foreach (QuantizedTensor term in sum.Terms.AsSpan()[1..])
        {
            float[] values = term.Dequantize();
            points += Enumerable.Range(0, values.Length).Where(i => values[i] != 0).Select(i => i / inner % channels).Distinct().Count();
        }

        return (double)points / channels;
    }

    private sealed record Layer(InputSite Site, WeightView Weight, long Macs);
}
