using Halftone.Onnx;

namespace Halftone.Engine.Dense.Elementwise;

/// <summary>Combines two elements.</summary>
internal interface IPair<T, TResult>
{
    /// <summary>One result.</summary>
    static abstract TResult Invoke(T a, T b);

    /// <summary>A row at once, or false where nothing faster is known than one element after another. It must give the very same values.</summary>
    static virtual bool TryRow(ReadOnlySpan<T> a, ReadOnlySpan<T> b, Span<TResult> y) => false;

    /// <summary>The same with one second element for all.</summary>
    static virtual bool TryRow(ReadOnlySpan<T> a, T b, Span<TResult> y) => false;
}

/// <summary>Makes ready operators that combine two inputs element by element, broadcast as numpy does.</summary>
internal static unsafe class Pairs
{
    /// <summary>The plan for one pair of element types.</summary>
    public static DensePlan Plan<TPair, T, TResult>(DenseRequest request, ElementType result)
        where TPair : IPair<T, TResult>
        where T : unmanaged
        where TResult : unmanaged
    {
        (TensorType a, TensorType b) = (request.Input(0), request.Input(1));
        if (a.Element != b.Element)
        {
            throw request.Refusal($"its inputs are {a.Element.OnnxName()} and {b.Element.OnnxName()}, not of one type.");
        }

        IReadOnlyList<int> second = request.SecondDims();
        TensorType y = request.Broadcast(result, a.Dims, second);
        Walk walk = Walk.Broadcast(y.Dims, a.Dims, second);
        return new DensePlan([y], (inputs, outputs, _, part, parts) =>
        {
            (long from, long to) = Parts.Range(walk.Count, part, parts);
            Run<TPair, T, TResult>((T*)inputs[0], (T*)inputs[1], (TResult*)outputs[0], walk, from, to);
        })
        {
            MostParts = Parts.Most(walk.Count),
        };
    }

    /// <summary>Computes some elements of the output.</summary>
    public static void Run<TPair, T, TResult>(T* a, T* b, TResult* y, Walk walk, long from, long to)
        where TPair : IPair<T, TResult>
        where T : unmanaged
        where TResult : unmanaged
    {
        Rows rows = new(walk, from, to, stackalloc int[walk.Dims.Length]);
        (long strideA, long strideB) = (walk.Strides[0][^1], walk.Strides[1][^1]);
        while (rows.Next())
        {
            T* left = a + rows.A;
            T* right = b + rows.B;
            TResult* to0 = y + rows.Y;
            int length = rows.Length;
            bool done = strideA == 1 && (strideB == 1
                ? TPair.TryRow(new ReadOnlySpan<T>(left, length), new ReadOnlySpan<T>(right, length), new Span<TResult>(to0, length))
                : TPair.TryRow(new ReadOnlySpan<T>(left, length), *right, new Span<TResult>(to0, length)));
            for (int i = 0; i < length && !done; i++)
            {
                to0[i] = TPair.Invoke(left[i * strideA], right[i * strideB]);
            }
        }
    }
}
