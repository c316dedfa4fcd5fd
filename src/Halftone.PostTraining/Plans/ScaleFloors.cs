using Halftone.Formats;
using Halftone.Numerics;

namespace Halftone.PostTraining.Plans;

/// <summary>Raises scales of a quantized weight where something other than the weight asks for it, and rounds the weight anew there.</summary>
public static class ScaleFloors
{
    /// <summary>The weight with scales of at least the floors; itself where none is higher.</summary>
    /// <param name="values">The float weight.</param>
    /// <param name="quantized">Its codes.</param>
    /// <param name="floors">One a group; 0 for none.</param>
    public static AffineTensor Apply(ReadOnlySpan<float> values, AffineTensor quantized, ReadOnlySpan<double> floors)
    {
        float[] scales = [.. quantized.Scales];
        bool raised = false;
        for (int g = 0; g < scales.Length; g++)
        {
            if (floors[g] > scales[g])
            {
                scales[g] = MathF.BitIncrement((float)floors[g]);
                raised = true;
            }
        }

        return raised ? WithScales(values, quantized, scales) : quantized;
    }

    /// <summary>The weight rounded to the nearest codes at other scales.</summary>
    public static AffineTensor WithScales(ReadOnlySpan<float> values, AffineTensor quantized, float[] scales)
    {
        ReadOnlySpan<int> shape = quantized.Shape.AsSpan();
        int[] codes = quantized.Codes();
        for (int i = 0; i < codes.Length; i++)
        {
            int g = quantized.Granularity.GroupOf(i, shape);
            if (scales[g] != quantized.Scales[g])
            {
                codes[i] = new AffineParameters(scales[g], quantized.ZeroPoints[g]).Quantize(values[i], quantized.Grid);
            }
        }

        return new AffineTensor(quantized.Shape, quantized.Granularity, quantized.Grid, codes, [.. scales], quantized.ZeroPoints);
    }
}
