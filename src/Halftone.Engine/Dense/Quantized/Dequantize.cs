using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Halftone.Engine.Dense.Linear;
using Halftone.Onnx;
using Halftone.Onnx.Operators;

namespace Halftone.Engine.Dense.Quantized;

/// <summary>DequantizeLinear of 8 and 16 bits and int32 to float and float16; of anything else where all is known before any run.</summary>
internal static unsafe class Dequantize
{
    private const int Together = 16;

    /// <summary>What this family computes.</summary>
    public static IEnumerable<(string Op, Func<DenseRequest, DensePlan> Ready)> List => [("DequantizeLinear", Ready)];

    private static DensePlan Ready(DenseRequest request)
    {
        var options = LinearOptions.Of(request.Node);
        TensorType x = request.Input(0);
        TensorType scale = request.Input(1);
        ElementType made = options.OutputType is ElementType.Undefined ? scale.Element : options.OutputType;
        bool plain = x.Element is ElementType.UInt8 or ElementType.Int8 or ElementType.UInt16 or ElementType.Int16 or ElementType.Int32
            && scale.Element is ElementType.Float or ElementType.Float16 && made == scale.Element;
        if (!plain && Folded.Possible(request))
        {
            return Folded.Plan(request, (codes, scale, zero) => DequantizeLinear.Run(codes, scale, zero, options));
        }

        request.Require(plain, $"{x.Element.OnnxName()} codes with {scale.Element.OnnxName()} scales to {made.OnnxName()} are not computed at run time.");
        CheckZeros(request, x, scale);
        ScaleRuns runs = new(request, x, scale, options);
        bool zeros = request.Has(2) && x.Element is not ElementType.Int32;
        DenseKernel kernel = (x.Element, made) switch
        {
            (ElementType.UInt8, ElementType.Float) => Kernel<byte, float>(runs, zeros),
            (ElementType.Int8, ElementType.Float) => Kernel<sbyte, float>(runs, zeros),
            (ElementType.UInt16, ElementType.Float) => Kernel<ushort, float>(runs, zeros),
            (ElementType.Int16, ElementType.Float) => Kernel<short, float>(runs, zeros),
            (ElementType.Int32, ElementType.Float) => Kernel<int, float>(runs, zeros),
            (ElementType.UInt8, _) => Kernel<byte, Half>(runs, zeros),
            (ElementType.Int8, _) => Kernel<sbyte, Half>(runs, zeros),
            (ElementType.UInt16, _) => Kernel<ushort, Half>(runs, zeros),
            (ElementType.Int16, _) => Kernel<short, Half>(runs, zeros),
            _ => Kernel<int, Half>(runs, zeros),
        };
        return new DensePlan([request.Output(made, x.Dims.AsSpan())], kernel) { MostParts = Parts.MostUnits(runs.Count) };
    }

    private static void CheckZeros(DenseRequest request, TensorType x, TensorType scale)
    {
        if (!request.Has(2))
        {
            return;
        }

        request.Require(request.Input(2, x.Element).Count == scale.Count, "it has more zero points than scales, or fewer.");
        bool none = x.Element is not ElementType.Int32 || request.Constant(2)?.ToInt64s().All(z => z == 0) == true;
        request.Require(none, "the zero point of int32 must be a constant 0.");
    }

    private static DenseKernel Kernel<TCode, TValue>(ScaleRuns runs, bool zeros)
        where TCode : unmanaged, IBinaryInteger<TCode>
        where TValue : unmanaged, INumber<TValue> => (inputs, outputs, _, part, parts) =>
    {
        TCode* x = (TCode*)inputs[0];
        TValue* y = (TValue*)outputs[0];
        (int begin, int end) = Parts.Units(runs.Count, part, parts);
        for (int i = begin; i < end; i++)
        {
            ScaleRun run = runs[i];
            int at = run.Begin;
            if (run.Step == 0 && typeof(TCode) == typeof(sbyte) && typeof(TValue) == typeof(float))
            {
                at += Row((sbyte*)x + at, (float*)y + at, run.End - at, zeros ? ((sbyte*)inputs[2])[run.Scale] : 0, ((float*)inputs[1])[run.Scale]);
            }
            else if (run.Step == 0 && typeof(TCode) == typeof(byte) && typeof(TValue) == typeof(float))
            {
                at += Row((byte*)x + at, (float*)y + at, run.End - at, zeros ? ((byte*)inputs[2])[run.Scale] : 0, ((float*)inputs[1])[run.Scale]);
            }

            for (; at < run.End; at++)
            {
                int g = run.Scale + (run.Step * (at - run.Begin));
                int zero = zeros ? int.CreateTruncating(((TCode*)inputs[2])[g]) : 0;
                float scale = float.CreateTruncating(((TValue*)inputs[1])[g]);
                y[at] = TValue.CreateTruncating((int.CreateTruncating(x[at]) - zero) * scale);
            }
        }
    };

    /// <summary>Codes of one scale, sixteen at a time.</summary>
    /// <returns>How many.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Row(sbyte* x, float* y, int count, int zero, float scale)
    {
        int at = 0;
        for (; at <= count - Together; at += Together)
        {
            (Vector128<short> low, Vector128<short> high) = Vector128.Widen(Vector128.Load(x + at));
            Store(low, high, y + at, zero, scale);
        }

        return at;
    }

    /// <inheritdoc cref="Row(sbyte*, float*, int, int, float)"/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Row(byte* x, float* y, int count, int zero, float scale)
    {
        int at = 0;
        for (; at <= count - Together; at += Together)
        {
            (Vector128<ushort> low, Vector128<ushort> high) = Vector128.Widen(Vector128.Load(x + at));
            Store(low.AsInt16(), high.AsInt16(), y + at, zero, scale);
        }

        return at;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(Vector128<short> low, Vector128<short> high, float* y, int zero, float scale)
    {
        (Vector256<int> first, Vector256<int> second) = Vector256.Widen(Vector256.Create(low, high));
        (Vector256.ConvertToSingle(first - Vector256.Create(zero)) * scale).Store(y);
        (Vector256.ConvertToSingle(second - Vector256.Create(zero)) * scale).Store(y + (Together / 2));
    }
}
