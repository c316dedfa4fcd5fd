using System.Collections.Immutable;
using Halftone.Onnx;
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
        StudentTap.Outputs(run, plan, node, Samples, (dims, teacher, student, _) =>
        {
            means.Teacher.Add(dims, teacher);
            means.Student.Add(dims, student);
        }, cancel);
        ImmutableArray<float> shift = means.Teacher.Less(means.Student);
        return plan.BiasCorrections.TryGetValue(node.Name, out ImmutableArray<float> before) ? [.. before.Zip(shift, (a, b) => a + b)] : shift;
    }
}
