using System.Numerics;
using System.Numerics.Tensors;

namespace Halftone.Engine.Dense.Elementwise;

/// <summary>Max, Min, Sum and Mean of any number of inputs, broadcast together.</summary>
internal static unsafe class Variadic
{
    /// <summary>The list.</summary>
    public static IEnumerable<(string Op, Func<DenseRequest, DensePlan> Ready)> List =>
    [
        ("Max", r => Plan<Max>(r, mean: false)),
        ("Min", r => Plan<Min>(r, mean: false)),
        ("Sum", r => Plan<Arithmetic.Add>(r, mean: false)),
        ("Mean", r => Plan<Arithmetic.Add>(r, mean: true)),
    ];

    private static DensePlan Plan<TPair>(DenseRequest request, bool mean)
        where TPair : INumberPair => NumberTypes.Plan(request, new Typed<TPair>(mean));

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
                sums[i] = Arithmetic.Div.Invoke(sums[i], count);
            }
        })
        {
            MostParts = Parts.Most(first.Count),
        };
    }

    private readonly struct Typed<TPair>(bool mean) : INumberPlan
        where TPair : INumberPair
    {
        public DensePlan Plan<T>(DenseRequest request)
            where T : unmanaged, INumber<T> => Variadic.Plan<TPair, T>(request, mean);
    }

    internal readonly struct Max : INumberPair
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

    internal readonly struct Min : INumberPair
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
