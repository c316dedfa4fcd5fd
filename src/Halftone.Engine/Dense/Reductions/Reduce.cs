using System.Numerics;
using Halftone.Onnx;

namespace Halftone.Engine.Dense.Reductions;

/// <summary>The Reduce operators.</summary>
internal static unsafe class Reduce
{
    /// <summary>The list.</summary>
    public static IEnumerable<(string Op, Func<DenseRequest, DensePlan> Ready)> List =>
    [
        ("ReduceSum", Plan<Sum>),
        ("ReduceMean", Plan<Mean>),
        ("ReduceProd", Plan<Prod>),
        ("ReduceMax", r => r.Input(0).Element == ElementType.Bool ? OfBool<Max>(r) : Plan<Max>(r)),
        ("ReduceMin", r => r.Input(0).Element == ElementType.Bool ? OfBool<Min>(r) : Plan<Min>(r)),
        ("ReduceL1", Plan<L1>),
        ("ReduceL2", Plan<L2>),
        ("ReduceSumSquare", Plan<SumSquare>),
        ("ReduceLogSum", Plan<LogSum>),
        ("ReduceLogSumExp", Plan<LogSumExp>),
    ];

    private static DensePlan Plan<TReduction>(DenseRequest request)
        where TReduction : IReduction => NumberTypes.Plan<Typed<TReduction>>(request);

    private static DensePlan OfBool<TReduction>(DenseRequest request)
        where TReduction : IReduction
    {
        // the most and the least byte are no truth values
        return request.Input(0).Count > 0 ? Plan<TReduction, byte, byte>(request) : throw request.Refusal("there is no largest or smallest of no truth values.");
    }

    private static DensePlan Plan<TReduction, T, A>(DenseRequest request)
        where TReduction : IReduction
        where T : unmanaged, INumber<T>
        where A : unmanaged, INumber<A>
    {
        TensorType x = request.Input(0);
        bool[] reduced = Reduced(request, x.Rank);
        bool keep = request.Node.Int("keepdims", 1) != 0;
        TensorType y = request.Type(x.Element, Enumerable.Range(0, x.Rank).Where(i => keep || !reduced[i]).Select(i => reduced[i] ? 1 : x.Dims[i]));
        long[] strides = Lengths.Strides(x.Dims);
        Walk outer = Part(x, strides, [.. reduced.Select(r => !r)]);
        Walk inner = Part(x, strides, reduced);
        return new DensePlan([y], (inputs, outputs, _, part, parts) =>
        {
            (long from, long to) = (outer.Count * part / parts, outer.Count * (part + 1) / parts);
            Rows rows = new(outer, from, to, stackalloc int[outer.Dims.Length]);
            Span<int> index = stackalloc int[inner.Dims.Length];
            while (rows.Next())
            {
                for (int i = 0; i < rows.Length; i++)
                {
                    T* first = (T*)inputs[0] + rows.A + (i * outer.Strides[0][^1]);
                    ((T*)outputs[0])[rows.Y + i] = T.CreateTruncating(One<TReduction, T, A>(first, inner, index));
                }
            }
        })
        {
            MostParts = (int)Math.Clamp(Math.Min(outer.Count, x.Count / 4096), 1, 1024),
        };
    }

    private static bool[] Reduced(DenseRequest request, int rank)
    {
        int[] axes = request.Axes(request.Integers(1, "axes") ?? [], rank);
        bool all = axes.Length == 0 && request.Node.Int("noop_with_empty_axes", 0) == 0;
        return [.. Enumerable.Range(0, rank).Select(i => all || axes.Contains(i))];
    }

    // a walk over some of the axes
    private static Walk Part(TensorType x, long[] strides, bool[] axes) =>
        new([.. x.Dims.Where((_, i) => axes[i])], new Operand(0, [.. strides.Where((_, i) => axes[i])]));

    private static A One<TReduction, T, A>(T* x, Walk walk, Span<int> index)
        where TReduction : IReduction
        where T : unmanaged, INumber<T>
        where A : unmanaged, INumber<A>
    {
        A largest = A.Zero;
        if (TReduction.FromLargest)
        {
            largest = Gather<Max, T, A>(x, walk, A.Zero, index);
            largest = A.IsFinite(largest) ? largest : A.Zero;
        }

        return TReduction.Result(Gather<TReduction, T, A>(x, walk, largest, index), walk.Count, largest);
    }

    // four sums at a time, so that one addition need not wait for the last
    private static A Gather<TReduction, T, A>(T* x, Walk walk, A largest, Span<int> index)
        where TReduction : IReduction
        where T : unmanaged, INumber<T>
        where A : unmanaged, INumber<A>
    {
        A s0 = TReduction.Start<A>();
        (A s1, A s2, A s3) = (s0, s0, s0);
        long stride = walk.Strides[0][^1];
        Rows rows = new(walk, 0, walk.Count, index);
        while (rows.Next())
        {
            T* row = x + rows.A;
            int i = 0;
            for (; i + 4 <= rows.Length; i += 4)
            {
                s0 = TReduction.Combine(s0, TReduction.Term(A.CreateTruncating(row[i * stride]) - largest));
                s1 = TReduction.Combine(s1, TReduction.Term(A.CreateTruncating(row[(i + 1) * stride]) - largest));
                s2 = TReduction.Combine(s2, TReduction.Term(A.CreateTruncating(row[(i + 2) * stride]) - largest));
                s3 = TReduction.Combine(s3, TReduction.Term(A.CreateTruncating(row[(i + 3) * stride]) - largest));
            }

            for (; i < rows.Length; i++)
            {
                s0 = TReduction.Combine(s0, TReduction.Term(A.CreateTruncating(row[i * stride]) - largest));
            }
        }

        return TReduction.Combine(TReduction.Combine(s0, s1), TReduction.Combine(s2, s3));
    }

    private readonly struct Typed<TReduction> : INumberPlan
        where TReduction : IReduction
    {
        public DensePlan Plan<T>(DenseRequest request)
            where T : unmanaged, INumber<T> => NumberTypes.IsFloat<T>() || !TReduction.Exact ? Reduce.Plan<TReduction, T, double>(request) : Reduce.Plan<TReduction, T, T>(request);
    }
}
