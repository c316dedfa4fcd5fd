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

/// <summary>The same function of several 32-bit floats at once.</summary>
internal interface IVectorFunction : IFloatFunction
{
    /// <summary>The results.</summary>
    Vector<float> Invoke(Vector<float> x);
}

/// <summary>A function of one number of any type.</summary>
internal interface INumberFunction
{
    /// <summary>One result.</summary>
    static abstract T Invoke<T>(T x)
        where T : unmanaged, INumber<T>;

    /// <summary>A row at once, or false.</summary>
    static virtual bool TryRow<T>(ReadOnlySpan<T> x, Span<T> y)
        where T : unmanaged, INumber<T> => false;
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

    /// <summary>The plan of a function of floats that knows vectors.</summary>
    public static DensePlan Vectors<TFunction>(DenseRequest request, TFunction function = default)
        where TFunction : struct, IVectorFunction
    {
        if (request.Input(0).Element != ElementType.Float)
        {
            return Floats(request, function);
        }

        TensorType y = request.Type(ElementType.Float, request.Input(0).Dims);
        int count = (int)y.Count;
        return new DensePlan([y], (inputs, outputs, _, part, parts) =>
        {
            (long from, long to) = Parts.Range(count, part, parts);
            VectorRow(function, (float*)inputs[0] + from, (float*)outputs[0] + from, (int)(to - from));
        })
        {
            MostParts = Parts.Most(count),
        };
    }

    /// <summary>The plan of a function of numbers.</summary>
    public static DensePlan Numbers<TFunction>(DenseRequest request)
        where TFunction : struct, INumberFunction => NumberTypes.Plan<Typed<TFunction>>(request);

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

    private static void VectorRow<TFunction>(TFunction function, float* x, float* y, int count)
        where TFunction : struct, IVectorFunction
    {
        int width = Vector<float>.Count;
        int i = 0;
        for (; i + width <= count; i += width)
        {
            Vector.Store(function.Invoke(Vector.Load(x + i)), y + i);
        }

        if (i < count)
        {
            // the last ones go through a vector too, so that a value does not depend on its place
            float* tail = stackalloc float[width];
            new Span<float>(tail, width).Clear();
            new ReadOnlySpan<float>(x + i, count - i).CopyTo(new Span<float>(tail, width));
            Vector.Store(function.Invoke(Vector.Load(tail)), tail);
            new ReadOnlySpan<float>(tail, count - i).CopyTo(new Span<float>(y + i, count - i));
        }
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
            bool done = TFunction.TryRow(x, results);
            for (int i = 0; i < x.Length && !done; i++)
            {
                results[i] = TFunction.Invoke(x[i]);
            }
        })
        {
            MostParts = Parts.Most(count),
        };
    }

    private readonly struct Typed<TFunction> : INumberPlan
        where TFunction : struct, INumberFunction
    {
        public DensePlan Plan<T>(DenseRequest request)
            where T : unmanaged, INumber<T> => Numbers<TFunction, T>(request);
    }
}
