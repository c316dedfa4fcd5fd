using Halftone.Engine.Dense.Linear;
using Halftone.Onnx;

namespace Halftone.Engine.Dense.Quantized;

/// <summary>DynamicQuantizeLinear: uint8 codes of floats by their own range. The range takes all of them, so that it is not split.</summary>
internal static unsafe class DynamicQuantizeLinear
{
    /// <summary>What this family computes.</summary>
    public static IEnumerable<(string Op, Func<DenseRequest, DensePlan> Ready)> List => [("DynamicQuantizeLinear", Ready)];

    private static DensePlan Ready(DenseRequest request)
    {
        TensorType x = request.Floats(0);
        int count = request.Count(x.Dims.AsSpan());
        return new DensePlan(
            [request.Output(ElementType.UInt8, x.Dims.AsSpan()), request.Output(ElementType.Float, []), request.Output(ElementType.UInt8, [])],
            (inputs, outputs, _, _, _) =>
            {
                float* from = (float*)inputs[0];
                (float scale, byte zero) = Range(from, count);
                for (int i = 0; outputs[0] is not null && i < count; i++)
                {
                    outputs[0][i] = Codes.Quantize(from[i], scale, zero, signed: false);
                }

                if (outputs[1] is not null)
                {
                    *(float*)outputs[1] = scale;
                }

                if (outputs[2] is not null)
                {
                    *outputs[2] = zero;
                }
            });
    }

    /// <summary>Scale and zero point of a range widened to hold 0; a range of nothing else has the scale 1.</summary>
    internal static (float Scale, byte Zero) Range(float* x, int count)
    {
        float min = 0;
        float max = 0;
        for (int i = 0; i < count; i++)
        {
            min = MathF.Min(min, x[i]);
            max = MathF.Max(max, x[i]);
        }

        float scale = max == min ? 1 : (max - min) / 255;
        return (scale, (byte)MathF.Round(Math.Clamp(0 - (min / scale), 0, 255)));
    }
}
