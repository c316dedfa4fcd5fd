using Halftone.Onnx;
using Halftone.Onnx.Passes;
using Halftone.Ranges;

namespace Halftone.PostTraining.Calibration;

/// <summary>Derives how every value of a network is distributed, without data: from the normalizations that were folded into its layers.</summary>
/// <remarks>
/// <para>A normalized output is normal with mean beta and deviation |gamma|, behind a ReLU or Clip a clipped normal. Without normalization, inputs taken as independent:
/// E[W x + b] = (sum over the kernel of W) E[x] + b, Var = (sum of W^2) Var[x]; sums add means and variances; concatenations join channels; pools keep the distribution (the mean of a maximum is
/// at least that); other functions of one value are integrated. Padding is left out of account.</para>
/// <para>From: Nagel et al. 2019, Data-Free Quantization through Weight Equalization and Bias Correction, arXiv:1906.04721, sections 4.1.3, 4.2.1 and 5: ranges reach 6 deviations from the mean.</para>
/// </remarks>
public static class MomentPropagation
{
    /// <summary>Deviations from the mean that a range reaches.</summary>
    public const double Deviations = 6;

    /// <summary>The distributions.</summary>
    /// <param name="graph">In topological order, after the passes.</param>
    /// <param name="moments">Of folded normalizations, by node (<see cref="PassContext.BatchNorm"/>).</param>
    /// <param name="values">Types and lengths of values.</param>
    /// <param name="inputs">Range of each float input of the graph, in which its values lie evenly; inputs left out are not known.</param>
    /// <param name="deviations">From the mean to the ends of a range.</param>
    /// <exception cref="ArgumentOutOfRangeException">The deviations are not above 0.</exception>
    public static DerivedMoments Of(
        Graph graph,
        IReadOnlyDictionary<string, BatchNormMoments> moments,
        IReadOnlyDictionary<string, ObservedValue> values,
        IReadOnlyDictionary<string, ClipRange> inputs,
        double deviations = Deviations)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(deviations);
        Dictionary<string, ValueMoments> known = [];
        foreach ((string input, ClipRange range) in inputs)
        {
            known[input] = ValueMoments.Same(ChannelDistribution.Of((range.Min + range.Max) / 2, (range.Max - range.Min) * (range.Max - range.Min) / 12, range.Min, range.Max));
        }

        var rules = new MomentRules(graph, values, known, deviations);
        HashSet<string> guessed = [.. known.Keys];
        List<string> unknown = [];
        foreach (Node node in graph.Nodes)
        {
            if (values.TryGetValue(node.Output(0), out ObservedValue? output) && output.Type is not ElementType.Float)
            {
                continue;
            }

            bool normalized = moments.ContainsKey(node.Name) || node.Op is "BatchNormalization" or "InstanceNormalization" or "LayerNormalization" or "RMSNormalization";
            ValueMoments?[]? found = moments.TryGetValue(node.Name, out BatchNormMoments? folded)
                ? [new([.. folded.Mean.Zip(folded.Deviation, (mean, deviation) => new ChannelDistribution(new(mean, deviation)))], 1)]
                : rules.Outputs(node);
            if (found is null)
            {
                unknown.Add(node.ToString());
                continue;
            }

            for (int i = 0; i < Math.Min(found.Length, node.Outputs.Count); i++)
            {
                if (found[i] is { } one)
                {
                    known[node.Outputs[i]] = one;
                    if (!normalized && node.Inputs.Any(guessed.Contains))
                    {
                        guessed.Add(node.Outputs[i]);
                    }
                }
            }
        }

        return new DerivedMoments(known, guessed, [.. unknown], deviations);
    }
}
