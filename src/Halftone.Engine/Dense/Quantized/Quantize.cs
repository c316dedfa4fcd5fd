using System.Numerics;
using System.Runtime.Intrinsics;
using Halftone.Engine.Dense.Linear;
using Halftone.Onnx;
using Halftone.Onnx.Operators;

namespace Halftone.Engine.Dense.Quantized;

/// <summary>QuantizeLinear of float and float16 to 8 and 16 bits; of anything else where all is known before any run.</summary>
internal static unsafe class Quantize
{
    /// <summary>What this family computes.</summary>
    public static IEnumerable<(string Op, Func<DenseRequest, DensePlan> Ready)> List => [("QuantizeLinear", Ready)];

    private static DensePlan Ready(DenseRequest request)
    {
        var options = LinearOptions.Of(request.Node);
        ElementType made = request.Has(2) ? request.Input(2).Element : options.OutputType is ElementType.Undefined ? ElementType.UInt8 : options.OutputType;
        TensorType x = request.Input(0);
        bool plain = x.Element is ElementType.Float or ElementType.Float16 && made is ElementType.UInt8 or ElementType.Int8 or ElementType.UInt16 or ElementType.Int16;
        if (!plain && Folded.Possible(request))
        {
            return Folded.Plan(request, (x, scale, zero) => Halftone.Onnx.Operators.QuantizeLinear.Run(x, scale, zero, options));
        }

        x = request.Input(0, ElementType.Float, ElementType.Float16);
        request.Require(plain, $"it makes {made.OnnxName()}, which is not computed at run time.");
        request.Require(options.OutputType is ElementType.Undefined || options.OutputType == made, "its output_dtype is not that of its zero point.");
        request.Require(options.Precision is ElementType.Undefined || options.Precision == x.Element, "its precision is not that of its input.");
        TensorType scale = request.Input(1, x.Element);
        if (request.Has(2))
        {
            request.Require(request.Input(2, made).Count == scale.Count, "it has more zero points than scales, or fewer.");
        }

        ScaleRuns runs = new(request, x, scale, options);
        bool zeros = request.Has(2);
        DenseKernel kernel = (x.Element, made) switch
        {
            (ElementType.Float, ElementType.UInt8) => Kernel<float, byte>(runs, zeros),
            (ElementType.Float, ElementType.Int8) => Kernel<float, sbyte>(runs, zeros),
            (ElementType.Float, ElementType.UInt16) => Kernel<float, ushort>(runs, zeros),
            (ElementType.Float, _) => Kernel<float, short>(runs, zeros),
            (_, ElementType.UInt8) => Kernel<Half, byte>(runs, zeros),
            (_, ElementType.Int8) => Kernel<Half, sbyte>(runs, zeros),
            (_, ElementType.UInt16) => Kernel<Half, ushort>(runs, zeros),
            _ => Kernel<Half, short>(runs, zeros),
        };
        return new DensePlan([request.Output(made, x.Dims.AsSpan())], kernel) { MostParts = Parts.MostUnits(runs.Count) };
    }

    private static DenseKernel Kernel<TValue, TCode>(ScaleRuns runs, bool zeros)
        where TValue : unmanaged, INumber<TValue>
        where TCode : unmanaged, IBinaryInteger<TCode>, IMinMaxValue<TCode> => (inputs, outputs, _, part, parts) =>
    {
        (int begin, int end) = Parts.Units(runs.Count, part, parts);
        for (int i = begin; i < end; i++)
        {
            ScaleRun run = runs[i];
            Run((TValue*)inputs[0], (TValue*)inputs[1], zeros ? (TCode*)inputs[2] : null, (TCode*)outputs[0], run);
        }
    };

    private static void Run<TValue, TCode>(TValue* x, TValue* scales, TCode* zeros, TCode* y, ScaleRun run)
        where TValue : unmanaged, INumber<TValue>
        where TCode : unmanaged, IBinaryInteger<TCode>, IMinMaxValue<TCode>
    {
        int at = run.Begin;
        if (run.Step == 0 && typeof(TValue) == typeof(float) && sizeof(TCode) == 1)
        {
            at = Vectors((float*)x, *(float*)(scales + run.Scale), zeros is null ? 0 : int.CreateTruncating(zeros[run.Scale]), (byte*)y, run, typeof(TCode) == typeof(sbyte));
        }

        for (; at < run.End; at++)
        {
            int g = run.Scale + (run.Step * (at - run.Begin));
            int zero = zeros is null ? 0 : int.CreateTruncating(zeros[g]);

            // a quotient of halves is a half: the division rounds it once, to float, and this to half, which changes nothing
            float quotient = float.CreateTruncating(x[at]) / float.CreateTruncating(scales[g]);
            quotient = typeof(TValue) == typeof(Half) ? (float)(Half)quotient : quotient;
            float least = int.CreateTruncating(TCode.MinValue) - zero;
            float most = int.CreateTruncating(TCode.MaxValue) - zero;
            y[at] = TCode.CreateTruncating((int)Math.Clamp(MathF.Round(quotient), least, most) + zero);
        }
    }

    /// <summary>Eight elements at a time; the rest is left.</summary>
    private static int Vectors(float* x, float scale, int zero, byte* y, ScaleRun run, bool signed)
    {
        Vector256<float> divisor = Vector256.Create(scale);
        Vector256<float> least = Vector256.Create((float)((signed ? -128 : 0) - zero));
        Vector256<float> most = Vector256.Create((float)((signed ? 127 : 255) - zero));
        Vector256<int> offset = Vector256.Create(zero);
        int at = run.Begin;
        for (; at <= run.End - 8; at += 8)
        {
            Vector256<float> quotient = Vector256.Round(Vector256.Load(x + at) / divisor);
            quotient = Vector256.ConditionalSelect(Vector256.Equals(quotient, quotient), quotient, Vector256<float>.Zero);
            Vector256<int> codes = Vector256.ConvertToInt32(Vector256.Min(Vector256.Max(quotient, least), most)) + offset;
            Vector128<short> words = Vector128.Narrow(codes.GetLower(), codes.GetUpper());
            Vector128.Narrow(words.AsUInt16() & Vector128.Create((ushort)0xFF), Vector128<ushort>.Zero).GetLower().Store(y + at);
        }

        return at;
    }
}
