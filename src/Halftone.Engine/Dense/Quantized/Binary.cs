using Halftone.Engine.Dense.Linear;

namespace Halftone.Engine.Dense.Quantized;

/// <summary>com.microsoft's QLinearAdd and QLinearMul, with numpy's broadcasting. Inputs: A, its scale and zero point, B, its own, scale and zero point of C.</summary>
/// <remarks>
/// Bit for bit as ONNX Runtime's MLAS on x64, in 32-bit floats. QLinearMul: round((a - za) (b - zb) (sa sb / sc) + zc), no multiplication fused with the addition.
/// QLinearAdd: with ra = sa / sc, rb = sb / sc and f = zc - fma(ra, za, rb zb), round(fma(a, ra, fma(b, rb, f))): its AVX2 kernel, as its compiler fuses it; an operand that stands still is added first.
/// A test compares all pairs of codes.
/// </remarks>
internal static unsafe class Binary
{
    /// <summary>What this family computes.</summary>
    public static IEnumerable<(string Op, Func<DenseRequest, DensePlan> Ready)> List => [("com.microsoft.QLinearAdd", r => Ready(r, add: true)), ("com.microsoft.QLinearMul", r => Ready(r, add: false))];

    private static DensePlan Ready(DenseRequest request, bool add)
    {
        TensorType a = request.Codes(0);
        TensorType b = request.Input(3, a.Element);
        request.Quantization(1, 2, a.Element);
        request.Quantization(4, 5, a.Element);
        request.Quantization(6, 7, a.Element);
        BroadcastPair pair = BroadcastPair.Of(request, a.Dims.AsSpan(), b.Dims.AsSpan());
        (int za, int zb, int zc) = (IntegerOperands.Optional(request, 2), IntegerOperands.Optional(request, 5), IntegerOperands.Optional(request, 7));
        bool signed = a.IsSigned();
        return new DensePlan(
            [request.Output(a.Element, pair.OutputDims)],
            (inputs, outputs, _, part, parts) =>
            {
                Terms terms = new(
                    Codes.Scale(inputs, 1), Codes.Zero(inputs, za, signed), Codes.Scale(inputs, 4), Codes.Zero(inputs, zb, signed), Codes.Scale(inputs, 6), Codes.Zero(inputs, zc, signed));
                (int begin, int end) = Parts.Units(pair.Rows, part, parts);
                for (int row = begin; row < end; row++)
                {
                    byte* y = outputs[0] + ((long)row * pair.Length);
                    byte* x = inputs[0] + pair.RowA(row);
                    byte* w = inputs[3] + pair.RowB(row);
                    for (int i = 0; i < pair.Length; i++)
                    {
                        int ca = Codes.Load(x, (nint)i * pair.StepA, signed);
                        int cb = Codes.Load(w, (nint)i * pair.StepB, signed);
                        y[i] = Codes.Round(add ? terms.Sum(ca, cb, pair.StepA, pair.StepB) : terms.Product(ca, cb), signed);
                    }
                }
            })
        {
            MostParts = Parts.MostUnits(pair.Rows),
        };
    }

    private readonly record struct Terms(float ScaleA, int ZeroA, float ScaleB, int ZeroB, float ScaleC, int ZeroC)
    {
        private readonly float _ratioA = ScaleA / ScaleC;
        private readonly float _ratioB = ScaleB / ScaleC;
        private readonly float _ratio = ScaleA * ScaleB / ScaleC;
        private readonly float _offset = ZeroC - MathF.FusedMultiplyAdd(ScaleA / ScaleC, ZeroA, ScaleB / ScaleC * ZeroB);

        public float Product(int a, int b) => ((a - ZeroA) * (b - ZeroB) * _ratio) + ZeroC;

        /// <summary>An operand that is the same all along a row is added first.</summary>
        public float Sum(int a, int b, int stepA, int stepB) => stepA == 0 && stepB != 0
            ? MathF.FusedMultiplyAdd(b, _ratioB, MathF.FusedMultiplyAdd(a, _ratioA, _offset))
            : MathF.FusedMultiplyAdd(a, _ratioA, MathF.FusedMultiplyAdd(b, _ratioB, _offset));
    }
}
