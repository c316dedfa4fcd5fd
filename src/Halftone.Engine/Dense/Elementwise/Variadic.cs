using System.Numerics;
using System.Numerics.Tensors;
using Halftone.Onnx;

namespace Halftone.Engine.Dense.Elementwise;

/// <summary>Max, Min, Sum and Mean of any number of inputs, broadcast together.</summary>
internal static unsafe class Variadic
{
    /// <summary>The list.</summary>
    public static IEnumerable<(string Op, Func<DenseRequest, DensePlan> Plan)> List =>
    [
        ("Max", r => Plan<Max>(r, mean: false)),
        ("Min", r => Plan<Min>(r, mean: false)),
        ("Sum", r => Plan<Arithmetic.Add>(r, mean: false)),
        ("Mean", r => Plan<Arithmetic.Add>(r, mean: true)),
    ];

    private static DensePlan Plan<TPair>(DenseRequest request, bool mean)
        where TPair : INumberPair => request.Input(0).Element switch
        {
            ElementType.Float => Plan<TPair, float>(request, mean),
            ElementType.Double => Plan<TPair, double>(request, mean),
            ElementType.Float16 => Plan<TPair, Half>(request, mean),
            ElementType.Int8 => Plan<TPair, sbyte>(request, mean),
            ElementType.Int16 => Plan<TPair, short>(request, mean),
            ElementType.Int32 => Plan<TPair, int>(request, mean),
            ElementType.Int64 => Plan<TPair, long>(request, mean),
            ElementType.UInt8 => Plan<TPair, byte>(request, mean),
            ElementType.UInt16 => Plan<TPair, ushort>(request, mean),
            ElementType.UInt32 => Plan<TPair, uint>(request, mean),
            ElementType.UInt64 => Plan<TPair, ulong>(request, mean),
            var other => throw request.Refusal($"it does not compute with {other.OnnxName()}."),
        };

    private static DensePlan Plan<TPair, T>(DenseRequest request, bool mean)
        where TPair : INumberPair
        where T : unmanaged, INumber<T>
    {
        TensorType[] x = [.. Enumerable.Range(0, request.InputCount).Select(request.Input)];
        if (x.Any(t => t.Element != x[0].Element))
        {
            throw request.Refusal("its inputs are not of one type.");
        }

        TensorType y = request.Broadcast(x[0].Element, [.. x.Select(t => (IReadOnlyList<int>)t.Dims)]);
        Walk first = Walk.Broadcast(y.Dims, x[0].Dims);
        Walk[] others = [.. x.Skip(1).Select(t => Walk.Broadcast(y.Dims, y.Dims, t.Dims))];
        DenseKernel copy = Movement.Copies.Strided(y, first).Kernel;
        T count = T.CreateTruncating(x.Length);
        return new DensePlan([y], (inputs, outputs, scratch, part, parts) =>
        {
            copy(inputs, outputs, scratch, part, parts);
            (long from, long to) = Parts.Range(first.Count, part, parts);
            var sums = (T*)outputs[0];
            for (int i = 0; i < others.Length; i++)
            {
                Pairs.Run<Arithmetic.Of<TPair, T>, T, T>(sums, (T*)inputs[i + 1], sums, others[i], from, to);
            }

            for (long i = from; i < to && mean; i++)
            {
                sums[i] /= count;
            }
        })
        {
            MostParts = Parts.Most(first.Count),
        };
    }

    private readonly struct Max : INumberPair
    {
        public static T Invoke<T>(T a, T b)
            where T : unmanaged, INumber<T> => T.Max(a, b);

        public static bool TryRow<T>(ReadOnlySpan<T> a, ReadOnlySpan<T> b, Span<T> y)
            where T : unmanaged, INumber<T>
        {
            TensorPrimitives.Max(a, b, y);
            return true;
        }

        public static bool TryRow<T>(ReadOnlySpan<T> a, T b, Span<T> y)
            where T : unmanaged, INumber<T>
        {
            TensorPrimitives.Max(a, b, y);
            return true;
        }
    }

    private readonly struct Min : INumberPair
    {
        public static T Invoke<T>(T a, T b)
            where T : unmanaged, INumber<T> => T.Min(a, b);

        public static bool TryRow<T>(ReadOnlySpan<T> a, ReadOnlySpan<T> b, Span<T> y)
            where T : unmanaged, INumber<T>
        {
            TensorPrimitives.Min(a, b, y);
            return true;
        }

        public static bool TryRow<T>(ReadOnlySpan<T> a, T b, Span<T> y)
            where T : unmanaged, INumber<T>
        {
            TensorPrimitives.Min(a, b, y);
            return true;
        }
    }
}
