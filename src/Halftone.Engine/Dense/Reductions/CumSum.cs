using System.Numerics;

namespace Halftone.Engine.Dense.Reductions;

/// <summary>CumSum: sums of all elements up to each along an axis.</summary>
internal static unsafe class CumSum
{
    /// <summary>The list.</summary>
    public static IEnumerable<(string Op, Func<DenseRequest, DensePlan> Ready)> List => [("CumSum", r => NumberTypes.Plan<Typed>(r))];

    private static DensePlan Plan<T, A>(DenseRequest request)
        where T : unmanaged, INumber<T>
        where A : unmanaged, INumber<A>
    {
        TensorType x = request.Input(0);
        int axis = request.Axis(request.Integers(1) is [var known] ? known : throw request.Refusal("its axis is no scalar."), x.Rank);
        bool exclusive = request.Node.Int("exclusive", 0) != 0;
        bool reverse = request.Node.Int("reverse", 0) != 0;
        TensorType y = request.Type(x.Element, x.Dims);
        int length = x.Dims[axis];
        long inner = Lengths.Product(x.Dims.Skip(axis + 1));
        long lines = length == 0 ? 0 : x.Count / length;
        return new DensePlan([y], (inputs, outputs, _, part, parts) =>
        {
            for (long line = lines * part / parts; line < lines * (part + 1) / parts; line++)
            {
                (long before, long after) = Math.DivRem(line, inner);
                long first = (before * length * inner) + after + (reverse ? (length - 1) * inner : 0);
                Line<T, A>((T*)inputs[0] + first, (T*)outputs[0] + first, length, reverse ? -inner : inner, exclusive);
            }
        })
        {
            MostParts = (int)Math.Clamp(Math.Min(lines, x.Count / 4096), 1, 1024),
        };
    }

    private static void Line<T, A>(T* x, T* y, int length, long stride, bool exclusive)
        where T : unmanaged, INumber<T>
        where A : unmanaged, INumber<A>
    {
        A sum = A.Zero;
        for (int i = 0; i < length; i++)
        {
            A next = sum + A.CreateTruncating(x[i * stride]);
            y[i * stride] = T.CreateTruncating(exclusive ? sum : next);
            sum = next;
        }
    }

    private readonly struct Typed : INumberPlan
    {
        public DensePlan Plan<T>(DenseRequest request)
            where T : unmanaged, INumber<T> => NumberTypes.IsFloat<T>() ? CumSum.Plan<T, double>(request) : CumSum.Plan<T, T>(request);
    }
}
