using System.Numerics;
using Halftone.Onnx;

namespace Halftone.Engine.Dense.Elementwise;

/// <summary>A function of one float. Its fields hold the operator's attributes.</summary>
internal interface IFloatFunction
{
    /// <summary>One result.</summary>
    T Invoke<T>(T x)
        where T : unmanaged, IFloatingPointIeee754<T>;

    /// <summary>A row at once, or false; for functions without attributes.</summary>
    static virtual bool TryRow<T>(ReadOnlySpan<T> x, Span<T> y)
        where T : unmanaged, IFloatingPointIeee754<T> => false;
}

/// <summary>A function of one number of any type.</summary>
internal interface INumberFunction
{
    /// <summary>One result.</summary>
    static abstract T Invoke<T>(T x)
        where T : unmanaged, INumber<T>;
}

/// <summary>Makes ready operators that take one input element by element.</summary>
internal static unsafe class Singles
{
    /// <summary>The plan of a function of floats.</summary>
    public static DensePlan Floats<TFunction>(DenseRequest request, TFunction function = default)
        where TFunction : struct, IFloatFunction => request.Input(0).Element switch
        {
            ElementType.Float => Floats<TFunction, float>(request, function),
            ElementType.Double => Floats<TFunction, double>(request, function),
            ElementType.Float16 => Floats<TFunction, Half>(request, function),
            var other => throw request.Refusal($"it does not compute with {other.OnnxName()}."),
        };

    /// <summary>The plan of a function of numbers.</summary>
    public static DensePlan Numbers<TFunction>(DenseRequest request)
        where TFunction : struct, INumberFunction => request.Input(0).Element switch
        {
            ElementType.Float => Numbers<TFunction, float>(request),
            ElementType.Double => Numbers<TFunction, double>(request),
            ElementType.Float16 => Numbers<TFunction, Half>(request),
            ElementType.Int8 => Numbers<TFunction, sbyte>(request),
            ElementType.Int16 => Numbers<TFunction, short>(request),
            ElementType.Int32 => Numbers<TFunction, int>(request),
            ElementType.Int64 => Numbers<TFunction, long>(request),
            ElementType.UInt8 => Numbers<TFunction, byte>(request),
            ElementType.UInt16 => Numbers<TFunction, ushort>(request),
            ElementType.UInt32 => Numbers<TFunction, uint>(request),
            ElementType.UInt64 => Numbers<TFunction, ulong>(request),
            var other => throw request.Refusal($"it does not compute with {other.OnnxName()}."),
        };

    private static DensePlan Floats<TFunction, T>(DenseRequest request, TFunction function)
        where TFunction : struct, IFloatFunction
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        TensorType y = request.Type(request.Input(0).Element, request.Input(0).Dims);
        int count = (int)y.Count;
        return new DensePlan([y], (inputs, outputs, _, part, parts) =>
        {
            (long from, long to) = Parts.Range(count, part, parts);
            ReadOnlySpan<T> x = new((T*)inputs[0] + from, (int)(to - from));
            Span<T> results = new((T*)outputs[0] + from, x.Length);
            bool done = TFunction.TryRow(x, results);
            for (int i = 0; i < x.Length && !done; i++)
            {
                results[i] = function.Invoke(x[i]);
            }
        })
        {
            MostParts = Parts.Most(count),
        };
    }

    private static DensePlan Numbers<TFunction, T>(DenseRequest request)
        where TFunction : struct, INumberFunction
        where T : unmanaged, INumber<T>
    {
        TensorType y = request.Type(request.Input(0).Element, request.Input(0).Dims);
        int count = (int)y.Count;
        return new DensePlan([y], (inputs, outputs, _, part, parts) =>
        {
            (long from, long to) = Parts.Range(count, part, parts);
            ReadOnlySpan<T> x = new((T*)inputs[0] + from, (int)(to - from));
            Span<T> results = new((T*)outputs[0] + from, x.Length);
            for (int i = 0; i < x.Length; i++)
            {
                results[i] = TFunction.Invoke(x[i]);
            }
        })
        {
            MostParts = Parts.Most(count),
        };
    }
}
