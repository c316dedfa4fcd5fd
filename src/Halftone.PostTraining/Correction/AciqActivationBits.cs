using Halftone.Data;
using Halftone.Formats;
using Halftone.Numerics;
using Halftone.Onnx;
using Halftone.OnnxRuntime;
using Halftone.PostTraining.Calibration;
using Halftone.Ranges;

namespace Halftone.PostTraining.Correction;

/// <summary>Clips each channel of each activation by the formula of its distribution, and gives channels that spread more more bits; the mean stays that of the plan.</summary>
/// <remarks>
/// <para>For channel c of M_c bits: mu +- a b_c, or 0 to max(mu, 0) + a b_c behind a Relu, b the mean distance from the mean mu, before the Relu; a of <see cref="AnalyticClipping"/> for
/// 2^M_c levels, twice as many of one side. M_c by <see cref="BitAllocation"/> from b. For a normal distribution the deviation takes the place of b.</para>
/// <para>From: Banner, Nahshan, Soudry 2019, Post-training 4-bit quantization of convolution networks for rapid-deployment, arXiv:1810.05723, sections 2 and 3.</para>
/// <para>Edges of [N, C, ...] with codes of up to <see cref="AllocatedUpTo"/> bits. Integer kernels take no scales by channel of activations: the result runs in float.</para>
/// </remarks>
public sealed record AciqActivationBits : IPlanMethod, IDescribed
{
    /// <inheritdoc/>
    public static MethodInfo Info { get; } = new("aciq-activation-bits", "ACIQ: clipping and bits per channel of activations", "Banner et al. 2019, arXiv:1810.05723");

    /// <summary>The most bits that are shared out among channels; wider edges stay as they are.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Below 1 or above 8.</exception>
    public int AllocatedUpTo
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

    /// <summary>Whether channels are taken as normally distributed; else as Laplace distributions.</summary>
    public bool Gauss { get; init; }

    /// <summary>Samples the distributions are taken from.</summary>
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

    = 64;

    /// <inheritdoc/>
    public QuantizationPlan Improve(Graph graph, QuantizationPlan plan, ICalibrationRun run, CancellationToken cancel = default)
    {
        Edge[] edges = [.. Edges(graph, plan, run.Values)];
        if (edges.Length == 0)
        {
            return plan;
        }

        Dictionary<string, ChannelSpread> spreads = edges.SelectMany(e => (string[])[e.Name, e.Before]).Distinct().ToDictionary(n => n, _ => new ChannelSpread());
        foreach (ChannelSpread.Pass pass in Enum.GetValues<ChannelSpread.Pass>())
        {
            Visit(run, spreads, pass, Samples, cancel);
        }

        var chosen = plan.Edges.ToBuilder();
        foreach (Edge edge in edges)
        {
            AffineGrid grid = Grid(spreads[edge.Name], spreads[edge.Before], edge.Bits, edge.Rank);
            foreach (string name in edge.Sharing)
            {
                chosen[name] = grid;
            }
        }

        return plan with { Edges = chosen.ToImmutable() };
    }

    // edges that share a grid do so because values only move between them: the first has them all
    private IEnumerable<Edge> Edges(Graph graph, QuantizationPlan plan, IReadOnlyDictionary<string, ObservedValue> values)
    {
        List<string> order = [.. graph.Inputs.Select(i => i.Name), .. graph.Nodes.SelectMany(n => n.Outputs)];
        foreach (var shared in plan.Edges.Where(e => e.Value is AffineGrid { Axis: null } grid && grid.Codes.Bits <= AllocatedUpTo).GroupBy(e => e.Value, ReferenceEqualityComparer.Instance))
        {
            string[] names = [.. shared.Select(e => e.Key).OrderBy(order.IndexOf)];
            if (names.All(n => values.TryGetValue(n, out ObservedValue? v) && v.Dims.Length >= 3 && v.Dims.Length == values[names[0]].Dims.Length && v.Dims[1] == values[names[0]].Dims[1]))
            {
                string before = graph.Producer(names[0]) is { } relu && relu.Is("Relu") ? relu.Input(0) : names[0];
                yield return new Edge(names[0], before, names, ((AffineGrid)shared.Key!).Codes.Bits, values[names[0]].Dims.Length);
            }
        }
    }

    private static void Visit(ICalibrationRun run, Dictionary<string, ChannelSpread> spreads, ChannelSpread.Pass pass, int samples, CancellationToken cancel)
    {
        string[] inner = [.. spreads.Keys.Where(n => run.Model.Graph.Producer(n) is not null)];
        using OrtSession session = OrtSession.Load(TensorTap.Expose(run.Model, inner), new OrtOptions { Threads = 1 });
        foreach (Batch batch in run.Samples(samples, cancel))
        {
            foreach (string input in spreads.Keys.Except(inner))
            {
                spreads[input].Add(pass, batch.Inputs[input].Dims.AsSpan(), batch.Inputs[input].As<float>());
            }

            session.Run(batch.Inputs, inner, (name, dims, values) => spreads[name].Add(pass, dims, values), cancel);
        }
    }

    private AffineGrid Grid(ChannelSpread values, ChannelSpread before, int mean, int rank)
    {
        var codes = new IntegerGrid(8, signed: false);
        double[] spread = Gauss ? before.Deviations : before.MeanDistances;
        int[] bits = BitAllocation.Bits(spread, mean, least: 1); // a grid always has the code of 0, so that one code is none
        var parameters = new AffineParameters[bits.Length];
        for (int c = 0; c < bits.Length; c++)
        {
            bool oneSided = values.Min[c] >= 0;
            double levels = Math.Pow(2, bits[c]) * (oneSided ? 2 : 1);
            double reach = spread[c] * (Gauss ? AnalyticClipping.GaussMultiplier(levels) : AnalyticClipping.LaplaceMultiplier(levels));
            (double low, double high) = oneSided
                ? (0, Math.Max(before.Means[c], 0) + reach)
                : (Math.Max(values.Min[c], before.Means[c] - reach), before.Means[c] + reach);
            parameters[c] = AffineParameters.FromRange(Math.Min(low, 0), Math.Max(Math.Min(high, values.Max[c]), 0), new IntegerGrid(bits[c], signed: false), symmetric: false);
        }

        return new AffineGrid([.. parameters], codes, 1 - rank, [.. bits.Select(b => (byte)b)]);
    }

    /// <summary>Edges that get one grid.</summary>
    private sealed record Edge(string Name, string Before, string[] Sharing, int Bits, int Rank);

    /// <summary>What is known of each channel (axis 1) of a value, in two passes: the distances are from the means.</summary>
    private sealed class ChannelSpread
    {
        private double[] _sums = [];
        private double[] _distances = [];
        private double[] _squares = [];
        private long _count;

        public enum Pass
        {
            Means,
            Distances,
        }

        public double[] Min { get; private set; } = [];

        public double[] Max { get; private set; } = [];

        public double[] Means { get; private set; } = [];

        public double[] MeanDistances => Array.ConvertAll(_distances, d => d / _count);

        public double[] Deviations => Array.ConvertAll(_squares, s => Math.Sqrt(s / _count));

        public void Add(Pass pass, ReadOnlySpan<long> dims, ReadOnlySpan<float> values)
        {
            int channels = (int)dims[1];
            if (_sums.Length == 0)
            {
                (_sums, _distances, _squares, Means) = (new double[channels], new double[channels], new double[channels], new double[channels]);
                (Min, Max) = (Enumerable.Repeat(double.PositiveInfinity, channels).ToArray(), Enumerable.Repeat(double.NegativeInfinity, channels).ToArray());
            }

            int inner = values.Length / (int)(dims[0] * channels);
            for (int i = 0; i < values.Length; i++)
            {
                int c = i / inner % channels;
                if (pass is Pass.Means)
                {
                    _sums[c] += values[i];
                    (Min[c], Max[c]) = (Math.Min(Min[c], values[i]), Math.Max(Max[c], values[i]));
                }
                else
                {
                    double distance = values[i] - Means[c];
                    _distances[c] += Math.Abs(distance);
                    _squares[c] += distance * distance;
                }
            }

            if (pass is Pass.Means)
            {
                _count += values.Length / channels;
                Means = Array.ConvertAll(_sums, s => s / _count);
            }
        }
    }
}
