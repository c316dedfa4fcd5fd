using Halftone.Formats;
using Halftone.Numerics;

namespace Halftone.Onnx.Export;

/// <summary>A bias as int32 codes: scale = input scale * weight scale of the channel (times 1 / beta for Gemm), zero point 0.</summary>
/// <param name="Codes">One an output channel.</param>
/// <param name="Scales">One, or one an output channel.</param>
public sealed record BiasCodes(int[] Codes, float[] Scales)
{
    /// <summary>The codes, or null where the bias cannot be stored so: groups of the weight are not its channels, or a Gemm scales its bias.</summary>
    /// <exception cref="ModelException">A code does not fit 32 bits: the weight's scale had to be enlarged first.</exception>
    public static BiasCodes? Of(Node node, Tensor bias, AffineGrid input, AffineTensor weight)
    {
        if (node.Is("Gemm") && (node.Float("beta", 1) != 1 || node.Float("alpha", 1) != 1))
        {
            return null;
        }

        float[] values = bias.ToFloats();
        if (values.Length == 1 && weight.Scales.Length > 1)
        {
            values = [.. Enumerable.Repeat(values[0], weight.Scales.Length)]; // a Gemm may broadcast it
        }

        if (weight.Scales.Length != 1 && weight.Scales.Length != values.Length)
        {
            return null;
        }

        float[] scales = [.. weight.Scales.Select(s => s * input.Scale)];
        var codes = new int[values.Length];
        for (int c = 0; c < codes.Length; c++)
        {
            double code = Rounding.NearestEven((double)values[c] / scales[scales.Length == 1 ? 0 : c]);
            codes[c] = Math.Abs(code) <= int.MaxValue
                ? (int)code
                : throw new ModelException($"The bias of '{node.Name}', channel {c}, is {values[c]} and does not fit 32 bits at scale {scales[scales.Length == 1 ? 0 : c]}.");
        }

        return new BiasCodes(codes, scales);
    }

    /// <summary>The least weight scale with which a bias fits: |bias| / (input scale * weight scale) stays below 2^31 with room for the sums.</summary>
    public static double SmallestWeightScale(float bias, float inputScale) => Math.Abs((double)bias) / (inputScale * (double)(1 << 30));
}
