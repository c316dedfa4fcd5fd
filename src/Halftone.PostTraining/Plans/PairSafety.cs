using Halftone.Formats;
using Halftone.Onnx;
using Halftone.Onnx.Targets;
using Halftone.Weights;

namespace Halftone.PostTraining.Plans;

/// <summary>Keeps int8 weights from overflowing kernels that add two u8 x s8 products in saturating 16 bits (x64 without VNNI).</summary>
/// <remarks>
/// Where 255 * (w[k] + w[k + 1]) of a channel can leave 16 bits, its scale grows by as much as is needed and no more, instead of giving up a bit of
/// every weight of the network as reduce_range does.
/// </remarks>
public static class PairSafety
{
    private const int Rounds = 8; // rounding anew can push a pair over again by one code

    /// <summary>The weight with the scales that are safe; itself where all are.</summary>
    /// <param name="readers">The nodes that read it.</param>
    /// <param name="view">The float weight.</param>
    /// <param name="weight">Its int8 codes, by channel or by tensor.</param>
    public static AffineTensor Apply(IReadOnlyList<Node> readers, WeightView view, AffineTensor weight)
    {
        for (int round = 0; round < Rounds; round++)
        {
            float[] scales = [.. weight.Scales];
            foreach (Node node in readers)
            {
                float[] growth = PairSaturation.Growth(node, weight);
                for (int channel = 0; channel < growth.Length; channel++)
                {
                    int g = scales.Length == 1 ? 0 : channel;
                    scales[g] = Math.Max(scales[g], weight.Scales[g] * growth[channel]);
                }
            }

            if (weight.Scales.AsSpan().SequenceEqual(scales))
            {
                return weight;
            }

            weight = ScaleFloors.WithScales(view.Values.Span, weight, scales);
        }

        return weight;
    }
}
