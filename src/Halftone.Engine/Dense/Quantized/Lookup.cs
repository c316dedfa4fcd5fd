using Halftone.Engine.Dense.Linear;

namespace Halftone.Engine.Dense.Quantized;

/// <summary>com.microsoft's QLinearSigmoid, QLinearLeakyRelu and QLinearConcat: tables of 256 codes, made from scales and zero points at every run.</summary>
/// <remarks>quantize(f(scale (x - zero point))), in 32-bit floats, as ONNX Runtime; its sigmoid is an approximation, which this is not, so that ties may fall apart.</remarks>
internal static unsafe class Lookup
{
    /// <summary>What this family computes.</summary>
    public static IEnumerable<(string Op, Func<DenseRequest, DensePlan> Ready)> List =>
    [
        ("com.microsoft.QLinearSigmoid", r => Ready(r, x => (float)(1 / (1 + Math.Exp(-(double)x))))), ("com.microsoft.QLinearLeakyRelu", ReadyLeakyRelu),
        ("com.microsoft.QLinearConcat", ReadyConcat),
    ];

    private static DensePlan ReadyLeakyRelu(DenseRequest request)
    {
        float alpha = request.Node.Float("alpha", 0.01f);
        return Ready(request, x => x >= 0 ? x : alpha * x);
    }

    private static DensePlan Ready(DenseRequest request, Func<float, float> function)
    {
        TensorType x = request.Codes(0);
        request.Quantization(1, 2, x.Element);
        request.Quantization(3, 4, x.Element);
        int count = request.Count(x.Dims.AsSpan());
        (int zeroX, int zeroY) = (IntegerOperands.Optional(request, 2), IntegerOperands.Optional(request, 4));
        return new DensePlan(
            [request.Output(x.Element, x.Dims.AsSpan())],
            (inputs, outputs, _, part, parts) =>
            {
                byte* table = stackalloc byte[256];
                Fill(table, inputs, (1, zeroX), (3, zeroY), x.IsSigned(), function);
                (long begin, long end) = Parts.Range(count, part, parts);
                for (long i = begin; i < end; i++)
                {
                    outputs[0][i] = table[inputs[0][i]];
                }
            })
        {
            MostParts = Parts.Most(count),
        };
    }

    /// <summary>Inputs: scale and zero point of the output, then every operand with its own.</summary>
    private static DensePlan ReadyConcat(DenseRequest request)
    {
        int operands = (request.InputCount - 2) / 3;
        request.Require(operands >= 1 && request.InputCount == 2 + (3 * operands), "its inputs are not scale, zero point, and triples.");
        TensorType first = request.Codes(2);
        request.Quantization(0, 1, first.Element);
        int axis = request.Axis(request.Node.Int("axis", 0), first.Rank);
        int[] output = [.. first.Dims];
        var pitches = new int[operands];
        output[axis] = 0;
        for (int i = 0; i < operands; i++)
        {
            TensorType x = request.Input(2 + (3 * i), first.Element);
            request.Quantization(3 + (3 * i), 4 + (3 * i), first.Element);
            bool fits = x.Rank == first.Rank && Enumerable.Range(0, x.Rank).All(d => d == axis || x.Dims[d] == first.Dims[d]);
            request.Require(fits, $"{x} does not fit {first} but for axis {axis}.");
            pitches[i] = Requirements.Product(x.Dims.AsSpan()[axis..]);
            output[axis] += x.Dims[axis];
        }

        int rows = Requirements.Product(first.Dims.AsSpan()[..axis]);
        int pitch = pitches.Sum();
        return new DensePlan(
            [request.Output(first.Element, output)],
            (inputs, outputs, _, part, parts) =>
            {
                byte* table = stackalloc byte[256];
                (int begin, int end) = Parts.Units(rows, part, parts);
                int before = 0;
                for (int i = 0; i < operands; before += pitches[i++])
                {
                    Fill(table, inputs, (3 + (3 * i), 4 + (3 * i)), (0, 1), first.IsSigned(), x => x);
                    for (int row = begin; row < end; row++)
                    {
                        byte* from = inputs[2 + (3 * i)] + ((long)row * pitches[i]);
                        byte* to = outputs[0] + ((long)row * pitch) + before;
                        for (int j = 0; j < pitches[i]; j++)
                        {
                            to[j] = table[from[j]];
                        }
                    }
                }
            })
        {
            MostParts = Parts.MostUnits(rows),
        };
    }

    /// <summary>The codes of all codes. Where scales and zero points agree, ONNX Runtime copies; so does the table of f(x) = x then.</summary>
    private static void Fill(byte* table, byte** inputs, (int Scale, int Zero) x, (int Scale, int Zero) y, bool signed, Func<float, float> function)
    {
        for (int i = 0; i < 256; i++)
        {
            byte code = (byte)i;
            float value = Codes.Scale(inputs, x.Scale) * (Codes.Load(&code, 0, signed) - Codes.Zero(inputs, x.Zero, signed));
            table[i] = Codes.Quantize(function(value), Codes.Scale(inputs, y.Scale), Codes.Zero(inputs, y.Zero, signed), signed);
        }
    }
}
