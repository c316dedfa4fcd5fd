using System.Collections.Immutable;
using Halftone.Data;
using Halftone.Formats;
using Halftone.Onnx;
using Halftone.Onnx.Export;
using Halftone.OnnxRuntime;
using Halftone.PostTraining.Calibration;

namespace Halftone.PostTraining.Correction;

/// <summary>Takes the mean error that quantization gives each output channel of a layer out of its bias.</summary>
/// <remarks>
/// b[c] += E[y[c]] - E[y~[c]], where y is the layer's float output and y~ the output of the same layer with quantized weight and quantized input, both on the
/// float network's activations, so that all layers are corrected from one pass over the samples.
/// From: Nagel et al. 2019, Data-Free Quantization through Weight Equalization and Bias Correction, arXiv:1906.04721, section 4.2, empirical form. Chosen here:
/// float activations as inputs of every layer, as in NNCF's fast variant; the paper goes from layer to layer. The plan is kept only if its outputs come nearer to the float model's.
/// </remarks>
public sealed record BiasCorrection : IPlanMethod, IDescribed
{
    /// <inheritdoc/>
    public static MethodInfo Info { get; } = new("bias-correction", "Empirical bias correction", "Nagel et al. 2019, Data-Free Quantization through Weight Equalization and Bias Correction, arXiv:1906.04721");

    /// <summary>Samples the means are taken over.</summary>
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
        Node[] nodes = [.. graph.Nodes.Where(n => Correctable(graph, n, plan))];
        if (nodes.Length == 0)
        {
            return plan;
        }

        (Model model, Dictionary<string, string> twins) = WithTwins(run.Model, nodes, plan);
        Dictionary<string, ChannelMean> means = Means(model, twins, nodes, run, cancel);
        QuantizationPlan corrected = plan with
        {
            BiasCorrections = nodes.ToImmutableDictionary(n => n.Name, n => means[n.Outputs[0]].Less(means[twins[n.Name]])),
        };
        return run.Compare(corrected, cancel).Sqnr > run.Compare(plan, cancel).Sqnr ? corrected : plan;
    }

    internal static bool Correctable(Graph graph, Node node, QuantizationPlan plan) =>
        node.Op is "Conv" or "Gemm" && node.Domain.Length == 0
        && plan.Weights.ContainsKey(new(node.Name, 1)) && plan.Readers.Contains(new(node.Name, 0)) && !plan.DynamicNodes.Contains(node.Name)
        && (node.Input(2).Length == 0 || graph.Constant(node.Input(2)) is { Type: ElementType.Float, Dims.Length: 1 })
        && (node.Op is not "Gemm" || (node.Float("alpha", 1) == 1 && node.Float("beta", 1) == 1));

    // beside every layer its quantized twin, which reads the same float values
    private static (Model Model, Dictionary<string, string> Twins) WithTwins(Model original, Node[] nodes, QuantizationPlan plan)
    {
        Model model = original.Clone();
        Dictionary<string, string> twins = [];
        var weights = ImmutableDictionary.CreateBuilder<InputSite, QuantizedTensor>();
        var readers = ImmutableHashSet.CreateBuilder<InputSite>();
        foreach (Node node in nodes)
        {
            string output = model.Graph.FreshName($"{node.Outputs[0]}_quantized_twin");
            Node twin = new Node(model.Graph.FreshName($"{node.Name}_quantized_twin"), node.Op, node.Inputs, [output]).WithAttributesOf(node);
            model.Graph.Add(twin);
            weights[new(twin.Name, 1)] = plan.Weights[new(node.Name, 1)];
            readers.Add(new(twin.Name, 0));
            twins[node.Name] = output;
        }

        model.Graph.Sort();
        QuantizationPlan beside = QuantizationPlan.Empty with
        {
            Weights = weights.ToImmutable(),
            Readers = readers.ToImmutable(),
            Edges = plan.Edges.Where(e => nodes.Any(n => n.Input(0) == e.Key)).ToImmutableDictionary(),
            Bias = Onnx.Targets.BiasForm.Float,
        };
        return (QdqExport.Apply(TensorTap.Expose(model, twins.Values), beside), twins);
    }

    private Dictionary<string, ChannelMean> Means(Model model, Dictionary<string, string> twins, Node[] nodes, ICalibrationRun run, CancellationToken cancel)
    {
        Dictionary<string, ChannelMean> means = [];
        foreach (Node node in nodes)
        {
            int axis = node.Is("Conv") ? 1 : -1;
            means[node.Outputs[0]] = new ChannelMean(axis);
            means[twins[node.Name]] = new ChannelMean(axis);
        }

        string[] names = [.. means.Keys];
        using OrtSession session = OrtSession.Load(TensorTap.Expose(model, names.Where(n => model.Graph.Producer(n) is not null && !model.Graph.IsOutput(n))), new OrtOptions { Threads = run.Threads });
        foreach (Batch batch in run.Samples(Samples, cancel))
        {
            session.Run(batch.Inputs, names, (name, dims, values) => means[name].Add(dims, values), cancel);
        }

        return means;
    }

    /// <summary>Mean of each channel over samples and places.</summary>
    private sealed class ChannelMean(int axis)
    {
        private double[] _sums = [];
        private long _count;

        public void Add(ReadOnlySpan<long> dims, ReadOnlySpan<float> values)
        {
            int at = axis < 0 ? dims.Length + axis : axis;
            int channels = (int)dims[at];
            int inner = 1;
            for (int i = at + 1; i < dims.Length; i++)
            {
                inner *= (int)dims[i];
            }

            _sums = _sums.Length == 0 ? new double[channels] : _sums;
            for (int row = 0; row < values.Length / inner; row++)
            {
                double sum = 0;
                foreach (float value in values.Slice(row * inner, inner))
                {
                    sum += value;
                }

                _sums[row % channels] += sum;
            }

            _count += values.Length / channels;
        }

        public ImmutableArray<float> Less(ChannelMean other) =>
            [.. _sums.Select((sum, c) => (float)((sum / _count) - (other._sums[c] / other._count)))];
    }
}
