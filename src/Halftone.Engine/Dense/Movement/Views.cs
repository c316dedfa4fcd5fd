using Halftone.Onnx;

namespace Halftone.Engine.Dense.Movement;

/// <summary>Identity, Dropout and the operators that give the same bytes other lengths: Reshape, Flatten, Squeeze, Unsqueeze.</summary>
internal static unsafe class Views
{
    /// <summary>The list.</summary>
    public static IEnumerable<(string Op, Func<DenseRequest, DensePlan> Ready)> List =>
    [
        ("Identity", r => Copies.Whole(r.Type(r.Input(0).Element, r.Input(0).Dims))),
        ("Dropout", Dropout),
        ("Reshape", Reshape),
        ("Flatten", Flatten),
        ("Squeeze", Squeeze),
        ("Unsqueeze", Unsqueeze),
    ];

    private static DensePlan Reshape(DenseRequest request)
    {
        TensorType x = request.Input(0);
        long[] dims = request.Integers(1, "shape") ?? throw request.Refusal("it lacks its shape.");
        for (int i = 0; i < dims.Length; i++)
        {
            if (dims[i] == 0 && request.Node.Int("allowzero", 0) == 0)
            {
                dims[i] = i < x.Rank ? x.Dims[i] : throw request.Refusal($"its shape keeps the length of axis {i}, which the input lacks.");
            }
        }

        int free = Array.IndexOf(dims, -1);
        if (free >= 0)
        {
            dims[free] = 1;
            long known = request.Type(x.Element, dims).Count;
            dims[free] = known > 0 && x.Count % known == 0 ? x.Count / known : throw request.Refusal($"no length in place of -1 makes {x} [{string.Join(",", dims)}].");
        }

        TensorType y = request.Type(x.Element, dims);
        return y.Count == x.Count ? Copies.Whole(y) : throw request.Refusal($"{x} cannot become {y}: the number of elements differs.");
    }

    private static DensePlan Flatten(DenseRequest request)
    {
        TensorType x = request.Input(0);
        long at = request.Node.Int("axis", 1);
        int axis = at == x.Rank ? x.Rank : request.Axis(at, x.Rank);
        return Copies.Whole(request.Type(x.Element, Lengths.Product(x.Dims.Take(axis)), Lengths.Product(x.Dims.Skip(axis))));
    }

    private static DensePlan Squeeze(DenseRequest request)
    {
        TensorType x = request.Input(0);
        long[]? given = request.Integers(1, "axes");
        int[] axes = given is null ? [.. Enumerable.Range(0, x.Rank).Where(i => x.Dims[i] == 1)] : request.Axes(given, x.Rank);
        return axes.All(a => x.Dims[a] == 1)
            ? Copies.Whole(request.Type(x.Element, x.Dims.Where((_, i) => !axes.Contains(i))))
            : throw request.Refusal($"axes [{string.Join(",", axes)}] of {x} are not all of length 1.");
    }

    private static DensePlan Unsqueeze(DenseRequest request)
    {
        TensorType x = request.Input(0);
        long[] given = request.Integers(1, "axes") ?? throw request.Refusal("it lacks its axes.");
        int rank = x.Rank + given.Length;
        int[] axes = request.Axes(given, rank);
        Queue<int> kept = new(x.Dims);
        return Copies.Whole(request.Type(x.Element, Enumerable.Range(0, rank).Select(i => axes.Contains(i) ? 1 : kept.Dequeue()).ToArray()));
    }

    // at inference it passes its input on; the mask says that all is kept
    private static DensePlan Dropout(DenseRequest request)
    {
        TensorType x = request.Input(0);
        bool training = request.Has(2) && request.Known(2).ToInt64s() is not [0];
        float ratio = request.Has(1) ? request.Known(1).ToFloats() is [var known] ? known : throw request.Refusal("its ratio is no scalar.") : request.Node.Float("ratio", 0.5f);
        if ((training && ratio != 0) || request.Node.Int("is_test", 1) == 0)
        {
            throw request.Refusal("it is in training mode, which is random.");
        }

        DensePlan copy = Copies.Whole(request.Type(x.Element, x.Dims));
        if (request.Node.Outputs.Count < 2)
        {
            return copy;
        }

        if (request.Opset < 10)
        {
            throw request.Refusal("its mask, before operator set 10, is none of inference.");
        }

        TensorType mask = request.Type(ElementType.Bool, x.Dims);
        DenseKernel data = copy.Kernel;
        int count = (int)mask.Count;
        return new DensePlan([copy.Outputs[0], mask], (inputs, outputs, scratch, part, parts) =>
        {
            data(inputs, outputs, scratch, part, parts);
            (long from, long to) = Parts.Range(count, part, parts);
            if (outputs[1] is not null)
            {
                new Span<byte>(outputs[1] + from, (int)(to - from)).Fill(1);
            }
        })
        {
            MostParts = copy.MostParts,
        };
    }
}
