using Halftone.Formats;
using Halftone.Onnx;
using Halftone.PostTraining.Calibration;
using Halftone.PostTraining.Plans;
using Halftone.Weights;

namespace Halftone.PostTraining.Correction;

/// <summary>Gives every output channel of every quantized weight the mean and the deviation that it had (<see cref="MeanVarianceCorrection"/>); works without samples.</summary>
/// <remarks>
/// From: Banner, Nahshan, Soudry 2019, Post-training 4-bit quantization of convolution networks for rapid-deployment, arXiv:1810.05723, section 4.
/// Corrected weights have an offset a channel, which integer kernels do not take: they run in float.
/// </remarks>
public sealed record MeanVariance : IPlanMethod, IDescribed
{
    /// <inheritdoc/>
    public static MethodInfo Info { get; } = new("mean-variance-correction", "Mean and variance correction of weights", "Banner et al. 2019, arXiv:1810.05723");

    /// <inheritdoc/>
    public bool NeedsSamples => false;

    /// <inheritdoc/>
    public QuantizationPlan Improve(Graph graph, QuantizationPlan plan, ICalibrationRun run, CancellationToken cancel = default)
    {
        Dictionary<string, Node> nodes = graph.Nodes.ToDictionary(n => n.Name);
        var weights = plan.Weights.ToBuilder();
        foreach (var shared in plan.Weights.Where(w => Multiplies(nodes[w.Key.Node]) && !plan.DynamicNodes.Contains(w.Key.Node)).GroupBy(w => w.Value, ReferenceEqualityComparer.Instance))
        {
            cancel.ThrowIfCancellationRequested();
            InputSite first = shared.First().Key;
            WeightView weight = WeightViews.Of(nodes[first.Node], graph.Constant(nodes[first.Node].Input(first.Input))!);
            QuantizedTensor corrected = MeanVarianceCorrection.Corrected((QuantizedTensor)shared.Key!, weight);
            foreach ((InputSite site, _) in shared)
            {
                weights[site] = corrected;
            }
        }

        return plan with { Weights = weights.ToImmutable() };
    }

    private static bool Multiplies(Node node) => node.Op is "Conv" or "ConvTranspose" or "Gemm" or "MatMul" or "Gather";
}
