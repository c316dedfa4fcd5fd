using System.Collections.Immutable;
using Halftone.Onnx;
using Halftone.Onnx.Export;
using Halftone.PostTraining.Calibration;

namespace Halftone.PostTraining.Correction;

/// <summary>Takes the mean shift of each output channel out of the biases, layer after layer, each on the network with all corrections before it.</summary>
/// <remarks>
/// For every layer in topological order: b[c] += E[y[c]] - E[y~[c]], y the float network's output before the activation function, y~ that of the quantized network.
/// From: Finkelstein, Almog, Grobman 2019, Fighting Quantization Bias With Bias, arXiv:1906.03193, section 3 (IBC). Biases alone change. Runs the network once a layer.
/// </remarks>
public sealed record IterativeBiasCorrection : IPlanMethod, IDescribed
{
    /// <inheritdoc/>
    public static MethodInfo Info { get; } = new("iterative-bias-correction", "Iterative bias correction (IBC)", "Finkelstein et al. 2019, Fighting Quantization Bias With Bias, arXiv:1906.03193");

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
        foreach (Node node in graph.Nodes.Where(n => BiasCorrection.Correctable(graph, n, plan)).ToArray())
        {
            plan = plan with { BiasCorrections = plan.BiasCorrections.SetItem(node.Name, Corrected(plan, node, run, cancel)) };
        }

        return plan;
    }

    private ImmutableArray<float> Corrected(QuantizationPlan plan, Node node, ICalibrationRun run, CancellationToken cancel)
    {
        int axis = node.Is("Conv") ? 1 : -1;
        (ChannelMean Teacher, ChannelMean Student) means = (new(axis), new(axis));
        Model student = QdqExport.Apply(run.Model, plan);
        StudentTap.Outputs(run, student, node, Samples, (dims, teacher, learned, _) =>
        {
            means.Teacher.Add(dims, teacher);
            means.Student.Add(dims, learned);
        }, cancel);

        // what the codes of the bias had lost already is in the shift, and is lost but once
        ImmutableArray<float> shift = means.Teacher.Less(means.Student);
        float[] stored = StoredBias(student.Graph, student.Graph.Nodes.First(n => n.Name == node.Name), shift.Length);
        float[] bias = run.Model.Graph.Constant(node.Input(2))?.ToFloats() ?? new float[shift.Length];
        return [.. shift.Select((s, c) => s + stored[stored.Length == 1 ? 0 : c] - bias[bias.Length == 1 ? 0 : c])];
    }

    private static float[] StoredBias(Graph graph, Node node, int channels)
    {
        string name = node.Input(2);
        if (graph.Constant(name) is { } floats)
        {
            return floats.ToFloats();
        }

        if (graph.Producer(name) is not { } restore)
        {
            return new float[channels];
        }

        int[] codes = graph.Constant(restore.Input(0))!.As<int>().ToArray();
        float[] scales = graph.Constant(restore.Input(1))!.ToFloats();
        return [.. codes.Select((q, c) => q * scales[scales.Length == 1 ? 0 : c])];
    }
}
