using Halftone.Formats;
using Halftone.Numerics;
using Halftone.Onnx;
using Halftone.PostTraining.Calibration;
using Halftone.PostTraining.Plans;
using Halftone.Ranges;

namespace Halftone.PostTraining.Correction;

/// <summary>Moves the clipping of all weights and activations together to where the task's loss on the samples is least.</summary>
/// <remarks>
/// <para>1. Each clipping is chosen alone, with the least sum |x - Q(x)|^p, for ten p from 2 to 4. 2. A parabola through the losses of these ten gives a p of its own; the
/// best of all, the plan's own clipping included, is the start. 3. Powell's method over the logarithms of all clippings (<see cref="Powell"/>): one variable an edge
/// that has evenly spaced codes, and one a weight whose codes are the nearest ones; its scales keep their proportions. No step raises the loss.</para>
/// <para>From: Nahshan et al. 2019, Loss Aware Post-training Quantization, arXiv:1911.07190, section 4. The loss is <see cref="OutputLoss"/>: with labels, the paper's.
/// Corrections of the weights' mean belong to a step of their own. Weights rounded otherwise than to the nearest code stay as they are.</para>
/// </remarks>
public sealed record Lapq : IPlanMethod, IDescribed
{
    private const int Exponents = 10;
    private const double FirstExponent = 2;
    private const double LastExponent = 4;
    private const double Step = 0.1; // first step of a clipping, a tenth of it

    /// <inheritdoc/>
    public static MethodInfo Info { get; } = new("lapq", "LAPQ: loss-aware post-training quantization", "Nahshan et al. 2019, arXiv:1911.07190");

    /// <summary>Samples the loss is taken over.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Below 1.</exception>
    public int Samples
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 1);
            field = value;
        }
    }

    = 512;

    /// <summary>Rounds of Powell's method; 0 leaves the layer-wise start.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Negative.</exception>
    public int Rounds
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            field = value;
        }
    }

    = 1;

    /// <summary>Losses that are computed along one direction at most.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Below 3.</exception>
    public int LineEvaluations
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 3);
            field = value;
        }
    }

    = 8;

    /// <inheritdoc/>
    public QuantizationPlan Improve(Graph graph, QuantizationPlan plan, ICalibrationRun run, CancellationToken cancel = default)
    {
        var clipping = new Clipping(graph, plan, run.Statistics);
        double Loss(QuantizationPlan tried) => run.Loss(tried, Samples, cancel);
        (QuantizationPlan best, double least) = (plan, Loss(plan));
        double Try(double exponent)
        {
            QuantizationPlan tried = clipping.LayerWise(exponent, cancel);
            double loss = Loss(tried);
            (best, least) = loss < least ? (tried, loss) : (best, least);
            return loss;
        }

        double[] exponents = [.. Enumerable.Range(0, Exponents).Select(i => FirstExponent + (i * (LastExponent - FirstExponent) / (Exponents - 1)))];
        double[] losses = Array.ConvertAll(exponents, Try);
        if (Vertex(exponents, losses) is { } vertex)
        {
            Try(vertex);
        }

        if (Rounds == 0)
        {
            return best;
        }

        var start = new Clipping(graph, best, run.Statistics);
        (double[] point, double value) = Powell.Minimize(x => Loss(start.Scaled(x)), new double[start.Variables], Step, Rounds, LineEvaluations, cancel: cancel);
        return value < least ? start.Scaled(point) : best;
    }

    /// <summary>Where the parabola of least squares through the points is least; null where that is no minimum, or outside the points.</summary>
    internal static double? Vertex(double[] x, double[] y)
    {
        // with x less its mean, y = a + b x + c x^2 by the normal equations
        double mean = x.Average();
        double[] t = Array.ConvertAll(x, v => v - mean);
        (double s2, double s3, double s4) = (t.Sum(v => v * v), t.Sum(v => v * v * v), t.Sum(v => v * v * v * v));
        double yMean = y.Average();
        double sxy = t.Zip(y, (v, w) => v * (w - yMean)).Sum();
        double sxxy = t.Zip(y, (v, w) => ((v * v) - (s2 / x.Length)) * (w - yMean)).Sum();
        double sxx = s4 - (s2 * s2 / x.Length);
        double determinant = (s2 * sxx) - (s3 * s3);
        double c = ((s2 * sxxy) - (s3 * sxy)) / determinant;
        double b = (sxy - (c * s3)) / s2;
        double vertex = mean - (b / (2 * c));
        return c > 0 && vertex >= x[0] && vertex <= x[^1] ? vertex : null;
    }

    /// <summary>What can be clipped under a plan.</summary>
    private sealed class Clipping
    {
        private const double SmallestShare = 0.2;
        private const int Shares = 80;

        private readonly QuantizationPlan _plan;
        private readonly IReadOnlyDictionary<string, Statistics.TensorStatistics> _statistics;
        private readonly (AffineGrid Grid, string[] Edges)[] _edges;
        private readonly (InputSite[] Sites, AffineTensor Tensor, float[] Values)[] _weights;

        public Clipping(Graph graph, QuantizationPlan plan, IReadOnlyDictionary<string, Statistics.TensorStatistics> statistics)
        {
            (_plan, _statistics) = (plan, statistics);
            Dictionary<string, Node> nodes = graph.Nodes.ToDictionary(n => n.Name);

            // edges that share their parameters stay together
            _edges =
            [
                .. plan.Edges.Where(e => e.Value is AffineGrid { Axis: null } && Clips(graph, e.Key)).OrderBy(e => e.Key, StringComparer.Ordinal)
                    .GroupBy(e => e.Value, ReferenceEqualityComparer.Instance).Select(g => ((AffineGrid)g.Key!, g.Select(e => e.Key).ToArray())),
            ];
            _weights =
            [
                .. plan.Weights.Where(w => w.Value is AffineTensor { HalfCodes: false, Offsets.IsEmpty: true } a && a.Bits.All(b => b == a.Grid.Bits) && w.Key.Input == 1 && nodes[w.Key.Node] is { Op: "Conv" or "ConvTranspose" or "Gemm" or "MatMul" })
                    .OrderBy(w => w.Key.Node, StringComparer.Ordinal).GroupBy(w => w.Value, ReferenceEqualityComparer.Instance)
                    .Select(g => (g.Select(w => w.Key).ToArray(), (AffineTensor)g.Key!, graph.Constant(nodes[g.First().Key.Node].Input(1))!.ToFloats()))
                    .Where(w => IsNearest(w.Item2, w.Item3)),
            ];
        }

        public int Variables => _edges.Length + _weights.Length;

        /// <summary>The plan with every clipping multiplied by the exponential of its variable.</summary>
        public QuantizationPlan Scaled(double[] logarithms)
        {
            var edges = _plan.Edges.ToBuilder();
            for (int i = 0; i < _edges.Length; i++)
            {
                (AffineGrid grid, string[] names) = _edges[i];
                float scale = (float)(grid.Scale * Math.Exp(logarithms[i]));
                AffineGrid scaled = float.IsNormal(scale) ? new AffineGrid(new AffineParameters(scale, grid.ZeroPoint), grid.Codes) : grid;
                Array.ForEach(names, n => edges[n] = scaled);
            }

            var weights = _plan.Weights.ToBuilder();
            for (int i = 0; i < _weights.Length; i++)
            {
                (InputSite[] sites, AffineTensor tensor, float[] values) = _weights[i];
                double factor = Math.Exp(logarithms[_edges.Length + i]);
                AffineTensor scaled = ScaleFloors.WithScales(values, tensor, [.. tensor.Scales.Select(s => (float)(s * factor) is var t && float.IsNormal(t) ? t : s)]);
                Array.ForEach(sites, s => weights[s] = scaled);
            }

            return _plan with { Edges = edges.ToImmutable(), Weights = weights.ToImmutable() };
        }

        /// <summary>The plan with every clipping alone where the sum of |x - Q(x)|^p is least.</summary>
        public QuantizationPlan LayerWise(double exponent, CancellationToken cancel)
        {
            var range = new LeastLp { Exponent = exponent };
            var edges = _plan.Edges.ToBuilder();
            foreach ((AffineGrid grid, string[] names) in _edges)
            {
                // a shared grid must do for all its values: the widest of their ranges
                var codes = new QuantizationGrid(grid.Codes, Symmetric: false);
                ClipRange[] ranges = [.. names.Where(_statistics.ContainsKey).Select(n => range.Estimate(_statistics[n], codes))];
                if (ranges.Length > 0)
                {
                    AffineGrid chosen = new(codes.Parameters(new ClipRange(ranges.Min(r => r.Min), ranges.Max(r => r.Max))), grid.Codes);
                    Array.ForEach(names, n => edges[n] = chosen);
                }
            }

            var weights = _plan.Weights.ToBuilder();
            var chosenWeights = new AffineTensor[_weights.Length];
            Parallel.For(0, _weights.Length, new ParallelOptions { CancellationToken = cancel }, i => chosenWeights[i] = LeastError(_weights[i].Tensor, _weights[i].Values, exponent));
            for (int i = 0; i < _weights.Length; i++)
            {
                Array.ForEach(_weights[i].Sites, s => weights[s] = chosenWeights[i]);
            }

            return _plan with { Edges = edges.ToImmutable(), Weights = weights.ToImmutable() };
        }

        // a range that the operator itself fixes is not clipped
        private static bool Clips(Graph graph, string edge) => graph.Producer(edge) is not { Op: "Softmax" or "Sigmoid" };

        private static bool IsNearest(AffineTensor tensor, float[] values)
        {
            ReadOnlySpan<int> shape = tensor.Shape.AsSpan();
            for (int i = 0; i < values.Length; i++)
            {
                int g = tensor.Granularity.GroupOf(i, shape);
                if (new AffineParameters(tensor.Scales[g], tensor.ZeroPoints[g]).Quantize(values[i], tensor.Grid) != tensor.Code(i))
                {
                    return false;
                }
            }

            return true;
        }

        // each group's scale by itself, as a share of the one that reaches its largest value
        private static AffineTensor LeastError(AffineTensor tensor, float[] values, double exponent)
        {
            int groups = tensor.Scales.Length;
            var most = new double[groups];
            int[] group = new int[values.Length];
            for (int i = 0; i < values.Length; i++)
            {
                group[i] = tensor.Granularity.GroupOf(i, tensor.Shape.AsSpan());
                int levels = values[i] < 0 ? tensor.ZeroPoints[group[i]] - tensor.Grid.Min : tensor.Grid.Max - tensor.ZeroPoints[group[i]];
                most[group[i]] = Math.Max(most[group[i]], levels > 0 ? Math.Abs(values[i]) / levels : 0);
            }

            float[] best = [.. tensor.Scales];
            var least = Enumerable.Repeat(double.PositiveInfinity, groups).ToArray();
            for (int step = 0; step < Shares; step++)
            {
                double share = 1 - ((1 - SmallestShare) * step / Shares);
                var error = new double[groups];
                float[] scales = [.. most.Select((m, g) => (float)(m * share) is var s && float.IsNormal(s) ? s : tensor.Scales[g])];
                for (int i = 0; i < values.Length; i++)
                {
                    var parameters = new AffineParameters(scales[group[i]], tensor.ZeroPoints[group[i]]);
                    error[group[i]] += Math.Pow(Math.Abs(values[i] - parameters.Dequantize(parameters.Quantize(values[i], tensor.Grid))), exponent);
                }

                for (int g = 0; g < groups; g++)
                {
                    (best[g], least[g]) = error[g] < least[g] ? (scales[g], error[g]) : (best[g], least[g]);
                }
            }

            return ScaleFloors.WithScales(values, tensor, best);
        }
    }
}
