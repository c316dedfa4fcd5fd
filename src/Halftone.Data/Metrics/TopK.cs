using Halftone.Onnx;

namespace Halftone.Data.Metrics;

/// <summary>The rank of the right class.</summary>
internal static class TopK
{
    /// <summary>1 if fewer than k classes stand before the label's, 0 if not, NaN for a sample without label. Of equal scores the lower class stands first; a NaN is never right.</summary>
    public static double Hit(Sample sample, Tensor output, int k)
    {
        if (sample.Label is not int label)
        {
            return double.NaN;
        }

        float[] scores = output.ToFloats();
        if (label >= scores.Length)
        {
            throw new DataException($"'{sample.Name}' has class {label}, but the model's output [{string.Join(",", output.Dims)}] has classes 0 to {scores.Length - 1}; labels and model do not match.");
        }

        float own = scores[label];
        int before = 0;
        for (int c = 0; c < scores.Length; c++)
        {
            before += scores[c] > own || (scores[c] == own && c < label) ? 1 : 0;
        }

        return !float.IsNaN(own) && before < k ? 1 : 0;
    }
}
