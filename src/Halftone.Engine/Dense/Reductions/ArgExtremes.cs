using System.Numerics;
using Halftone.Onnx;

namespace Halftone.Engine.Dense.Reductions;

/// <summary>ArgMax and ArgMin: of equal numbers the first, or the last where select_last_index says so.</summary>
internal static unsafe class ArgExtremes
{
    /// <summary>The list.</summary>
    public static IEnumerable<(string Op, Func<DenseRequest, DensePlan> Ready)> List => [("ArgMax", r => NumberTypes.Plan(r, new Typed(largest: true))), ("ArgMin", r => NumberTypes.Plan(r, new Typed(largest: false)))];

    private static DensePlan Plan<T>(DenseRequest request, bool largest)
        where T : unmanaged, INumber<T>
    {
        TensorType x = request.Input(0);
        int axis = request.Axis(request.Node.Int("axis", 0), x.Rank);
        bool keep = request.Node.Int("keepdims", 1) != 0;
        bool last = request.Node.Int("select_last_index", 0) != 0;
        TensorType y = request.Type(ElementType.Int64, Enumerable.Range(0, x.Rank).Where(i => keep || i != axis).Select(i => i == axis ? 1 : x.Dims[i]));
        int length = x.Dims[axis];
        if (length == 0 && y.Count > 0)
        {
            throw request.Refusal($"axis {axis} of {x} is empty.");
        }

        long inner = Lengths.Product(x.Dims.Skip(axis + 1));
        long count = y.Count;
        return new DensePlan([y], (inputs, outputs, _, part, parts) =>
        {
            for (long i = count * part / parts; i < count * (part + 1) / parts; i++)
            {
                (long before, long after) = Math.DivRem(i, inner);
                ((long*)outputs[0])[i] = One((T*)inputs[0] + (before * length * inner) + after, length, inner, largest, last);
            }
        })
        {
            MostParts = (int)Math.Clamp(Math.Min(count, x.Count / 4096), 1, 1024),
        };
    }

    private static long One<T>(T* x, int length, long stride, bool largest, bool last)
        where T : unmanaged, INumber<T>
    {
        long best = 0;
        for (long i = 1; i < length; i++)
        {
            (T now, T then) = (x[i * stride], x[best * stride]);
            bool better = largest ? now > then : now < then;
            best = better || (last && now == then) ? i : best;
        }

        return best;
    }

    private readonly struct Typed(bool largest) : INumberPlan
    {
        public DensePlan Plan<T>(DenseRequest request)
            where T : unmanaged, INumber<T> => ArgExtremes.Plan<T>(request, largest);
    }
}
