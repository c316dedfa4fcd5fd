using System.Collections.Immutable;
using Halftone.Formats;
using Halftone.Onnx;
using Halftone.PostTraining.Calibration;
using Halftone.PostTraining.Equalization;

namespace Halftone.PostTraining.Correction;

/// <summary>Takes the mean error that rounded weights give each output channel of a layer out of its bias, without data.</summary>
/// <remarks>
/// <para>b -= (sum over the kernel of W~ - W) E[x], with W~ the weight as its codes mean it and E[x] the mean of each input channel that follows from the normalizations before it
/// (<see cref="ICalibrationRun.Moments"/>): of a clipped normal behind ReLU, and on through sums, concatenations and layers.</para>
/// <para>From: Nagel et al. 2019, Data-Free Quantization through Weight Equalization and Bias Correction, arXiv:1906.04721, section 4.2.1. Layers whose input follows from no normalization are
/// left alone. With samples, the plan is kept only if its outputs come nearer to the float model's; without, always.</para>
/// </remarks>
public sealed record AnalyticBiasCorrection : IPlanMethod, IDescribed
{
    /// <inheritdoc/>
    public static MethodInfo Info { get; } = new("analytic-bias-correction", "Analytic bias correction", "Nagel et al. 2019, Data-Free Quantization through Weight Equalization and Bias Correction, arXiv:1906.04721");

    /// <inheritdoc/>
    public bool NeedsSamples => false;

    /// <inheritdoc/>
    public QuantizationPlan Improve(Graph graph, QuantizationPlan plan, ICalibrationRun run, CancellationToken cancel = default)
    {
        var corrections = plan.BiasCorrections.ToBuilder();
        foreach (Node node in graph.Nodes.Where(n => BiasCorrection.Correctable(graph, n, plan)))
        {
            cancel.ThrowIfCancellationRequested();
            if (Correction(graph, node, plan.Weights[new(node.Name, 1)], run.Moments) is { } more)
            {
                corrections[node.Name] = corrections.TryGetValue(node.Name, out ImmutableArray<float> had) ? [.. had.Zip(more, (a, b) => a + b)] : more;
            }
        }

        if (corrections.Count == plan.BiasCorrections.Count && corrections.All(c => plan.BiasCorrections.TryGetValue(c.Key, out ImmutableArray<float> had) && had == c.Value))
        {
            return plan;
        }

        QuantizationPlan corrected = plan with { BiasCorrections = corrections.ToImmutable() };
        return run.JudgedSamples == 0 || run.Compare(corrected, cancel).Sqnr > run.Compare(plan, cancel).Sqnr ? corrected : plan;
    }

    /// <summary>What to add to the bias of a layer; null where the mean of its input is not known.</summary>
    internal static ImmutableArray<float>? Correction(Graph graph, Node node, QuantizedTensor quantized, DerivedMoments moments)
    {
        if (LinearLayer.Any(graph, node) is not { } layer || node.Int("transA", 0) != 0 || moments.Means(node.Input(0), 1, layer.Inputs) is not { } means)
        {
            return null;
        }

        float[] error = quantized.Dequantize();
        float[] weight = layer.Weight.ToFloats();
        for (int i = 0; i < error.Length; i++)
        {
            error[i] -= weight[i];
        }

        return [.. layer.Apply(error, means).Select(e => (float)-e)];
    }
}
