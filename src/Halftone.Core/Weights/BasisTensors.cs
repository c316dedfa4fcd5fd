using Halftone.Formats;

namespace Halftone.Weights;

/// <summary>Tensors of binary bases from signs as numbers.</summary>
internal static class BasisTensors
{
    /// <summary>The tensor.</summary>
    /// <param name="weight">Whose shape it has.</param>
    /// <param name="granularity">What shares a scale.</param>
    /// <param name="alphas">[bases, groups], row-major.</param>
    /// <param name="signs">[bases, elements], row-major.</param>
    public static BinaryBasisTensor Of(WeightView weight, Granularity granularity, float[] alphas, float[] signs)
    {
        int count = weight.Values.Length;
        int wordsEach = BinaryBasisTensor.WordCount(count);
        int bases = count == 0 ? 0 : signs.Length / count;
        var words = new ulong[bases * wordsEach];
        for (int m = 0; m < bases; m++)
        {
            BinaryBasisTensor.PackSigns(signs.AsSpan(m * count, count), words.AsSpan(m * wordsEach, wordsEach));
        }

        return new BinaryBasisTensor(weight.Shape, granularity, [.. alphas], words);
    }
}
