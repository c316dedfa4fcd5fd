using Halftone.Engine.Dense.Linear;
using Halftone.Engine.Dense.Normalization;

namespace Halftone.Engine.Dense.Quantized;

/// <summary>com.microsoft's QLinearSoftmax. Its attribute opset says whose axis semantics it has.</summary>
/// <remarks>
/// As ONNX Runtime: exponentials come from a table of floats e^(scale (i - 255 + shift)), the highest code of a line at its end;
/// the shift makes the most of a float's range. y = round(e floor(1 / sy) / sum) + zy. A code above 127 saturates, where ONNX Runtime's wraps.
/// </remarks>
internal static unsafe class QLinearSoftmax
{
    /// <summary>What this family computes.</summary>
    public static IEnumerable<(string Op, Func<DenseRequest, DensePlan> Ready)> List => [("com.microsoft.QLinearSoftmax", Ready)];

    private static DensePlan Ready(DenseRequest request)
    {
        TensorType x = request.Codes(0);
        request.Quantization(1, 2, x.Element);
        request.Quantization(3, 4, x.Element);
        request.Require(request.Node.Has("opset"), "it has no attribute opset.");
        Lines lines = Lines.OfSoftmax(request, x, (int)request.Node.Int("opset", 13));
        int zero = IntegerOperands.Optional(request, 4);
        bool signed = x.IsSigned();
        return new DensePlan(
            [request.Output(x.Element, x.Dims.AsSpan())],
            (inputs, outputs, _, part, parts) =>
            {
                float* table = stackalloc float[256];
                Fill(table, Codes.Scale(inputs, 1), lines.Length);
                float scale = MathF.Floor(1 / Codes.Scale(inputs, 3));
                (int begin, int end) = Parts.Units(lines.Length == 0 ? 0 : lines.Count, part, parts);
                for (int line = begin; line < end; line++)
                {
                    int start = lines.Start(line);
                    Line(inputs[0] + start, outputs[0] + start, lines, table, scale, Codes.Zero(inputs, zero, signed), signed);
                }
            })
        {
            MostParts = Parts.MostUnits(lines.Count),
        };
    }

    private static void Fill(float* table, float scale, int length)
    {
        double shift = Math.Max(0, Math.Log(float.MaxValue / length) - 5) / scale;
        for (int i = 0; i < 256; i++)
        {
            table[i] = (float)Math.Exp((i - 255 + shift) * scale);
        }
    }

    private static void Line(byte* x, byte* y, Lines lines, float* table, float scale, int zero, bool signed)
    {
        int highest = int.MinValue;
        for (int i = 0; i < lines.Length; i++)
        {
            highest = Math.Max(highest, Codes.Load(x, (nint)i * lines.Inner, signed));
        }

        float* exponential = table + 255 - highest;
        float sum = 0;
        for (int i = 0; i < lines.Length; i++)
        {
            sum += exponential[Codes.Load(x, (nint)i * lines.Inner, signed)];
        }

        for (int i = 0; i < lines.Length; i++)
        {
            float share = exponential[Codes.Load(x, (nint)i * lines.Inner, signed)] * scale;
            y[(long)i * lines.Inner] = Codes.Quantize(share, sum, zero, signed);
        }
    }
}
