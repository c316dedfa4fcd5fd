using System.Collections.Frozen;

namespace Halftone.Onnx.Passes;

/// <summary>The operators that constant folding computes, exactly as ONNX defines them; whatever does not fit gives null and stays a node.</summary>
internal static class ConstantOperators
{
    private static readonly FrozenDictionary<string, Func<Node, Tensor?[], Tensor?>> s_operators = new Dictionary<string, Func<Node, Tensor?[], Tensor?>>
    {
        ["Identity"] = (_, x) => x[0],
        ["Shape"] = (node, x) => node.Has("start") || node.Has("end") ? null : Tensor.Of(x[0]!.Dims.AsSpan(), x[0]!.Dims.Length),
        ["Cast"] = Cast,
        ["Reshape"] = Reshape,
        ["Unsqueeze"] = (node, x) => Axes(node, x) is { } axes ? Unsqueeze(x[0]!, axes) : null,
        ["Squeeze"] = (node, x) => At(x, 1) is null || Axes(node, x) is { Length: > 0 } ? Squeeze(x[0]!, Axes(node, x)) : null,
        ["Transpose"] = (node, x) => Transpose(x[0]!, node.Ints("perm")),
        ["Concat"] = Concat,
        ["Slice"] = Slice,
        ["Gather"] = Gather,
        ["Add"] = (node, x) => Combine(node, x, (a, b) => a + b, (a, b) => a + b),
        ["Sub"] = (node, x) => Combine(node, x, (a, b) => a - b, (a, b) => a - b),
        ["Mul"] = (node, x) => Combine(node, x, (a, b) => a * b, (a, b) => a * b),
        ["Div"] = (node, x) => At(x, 1) is { Type: ElementType.Int64 } by && by.As<long>().ContainsAny(0, -1) ? null : Combine(node, x, (a, b) => a / b, (a, b) => a / b),
    }.ToFrozenDictionary();

    public static bool Knows(string op) => s_operators.ContainsKey(op);

    /// <summary>The value, or null where it cannot be computed here.</summary>
    public static Tensor? Compute(Node node, Tensor?[] inputs) =>
        At(inputs, 0) is { } first && first.Type.Bits() >= 8 && inputs.All(i => i is null || i.ByteLength <= Array.MaxLength) ? s_operators[node.Op](node, inputs) : null;

    /// <summary>No value takes more bytes than this.</summary>
    public static long MostBytes(Node node, Tensor?[] inputs) => node.Op switch
    {
        "Identity" or "Reshape" or "Squeeze" or "Unsqueeze" => 0, // the same bytes
        "Shape" or "Cast" => 8 * (inputs.Sum(i => i?.Count ?? 0) + 64),
        "Gather" when inputs.Length > 0 => (long)Int128.Min(long.MaxValue, (Int128)(inputs[0]?.ByteLength ?? 0) * (At(inputs, 1)?.Count ?? 0) / Math.Max(1, inputs[0]?.Dims.FirstOrDefault() ?? 1)),
        _ => inputs.Sum(i => i?.ByteLength ?? 0),
    };

    private static Tensor? At(Tensor?[] x, int place) => place < x.Length ? x[place] : null;

    // shapes, axes and indices
    private static long[]? Integers(Tensor?[] x, int place) =>
        At(x, place) is { Type: ElementType.Int64 or ElementType.Int32 } t ? t.ToInt64s() : null;

    private static Tensor? Cast(Node node, Tensor?[] x)
    {
        Tensor from = x[0]!;
        var to = (ElementType)node.Int("to", 0);
        return (from.Type, to) switch
        {
            _ when from.Type == to => from,
            (ElementType.Int64 or ElementType.Int32 or ElementType.Bool or ElementType.UInt8 or ElementType.Int8, ElementType.Float) => Tensor.Of(from.ToFloats(), from.Dims.AsSpan()),
            (ElementType.Int32 or ElementType.Bool or ElementType.UInt8 or ElementType.Int8, ElementType.Int64) => Tensor.Of(from.ToInt64s(), from.Dims.AsSpan()),
            (ElementType.Int64, ElementType.Int32) => Tensor.Of([.. from.ToInt64s().Select(v => unchecked((int)v))], from.Dims.AsSpan()),
            (ElementType.Float, ElementType.Int64) when from.ToFloats().All(v => MathF.Abs(v) < 1e18f) => Tensor.Of([.. from.ToFloats().Select(v => (long)v)], from.Dims.AsSpan()),
            (ElementType.Float16 or ElementType.Double or ElementType.BFloat16, ElementType.Float) => Tensor.Of(from.ToFloats(), from.Dims.AsSpan()),
            _ => null,
        };
    }

    private static Tensor? Reshape(Node node, Tensor?[] x)
    {
        if (Integers(x, 1) is not { } dims)
        {
            return null;
        }

        for (int i = 0; i < dims.Length; i++)
        {
            if (dims[i] == 0 && node.Int("allowzero", 0) == 0)
            {
                if (i >= x[0]!.Dims.Length)
                {
                    return null;
                }

                dims[i] = x[0]!.Dims[i];
            }
        }

        int free = Array.IndexOf(dims, -1);
        if (free >= 0)
        {
            long known = Count(dims.Where(d => d != -1));
            if (known <= 0 || x[0]!.Count % known != 0)
            {
                return null;
            }

            dims[free] = x[0]!.Count / known;
        }

        return Count(dims) == x[0]!.Count ? x[0]!.Reshape(dims) : null;
    }

    // the number of elements; -1 where no tensor has these lengths
    private static long Count(IEnumerable<long> dims)
    {
        Int128 count = 1;
        foreach (long length in dims)
        {
            if (length < 0 || (count *= length) > Array.MaxLength)
            {
                return -1;
            }
        }

        return (long)count;
    }

    private static long[]? Axes(Node node, Tensor?[] x) => At(x, 1) is null ? node.Ints("axes") : Integers(x, 1);

    private static Tensor? Unsqueeze(Tensor x, long[] axes)
    {
        int rank = x.Dims.Length + axes.Length;
        HashSet<long> ones = [.. axes.Select(a => a < 0 ? a + rank : a)];
        if (ones.Count != axes.Length || ones.Any(a => a < 0 || a >= rank))
        {
            return null;
        }

        var source = new Queue<long>(x.Dims);
        return x.Reshape([.. Enumerable.Range(0, rank).Select(i => ones.Contains(i) ? 1 : source.Dequeue())]);
    }

    private static Tensor? Squeeze(Tensor x, long[]? axes)
    {
        HashSet<long> gone = [.. axes?.Select(a => a < 0 ? a + x.Dims.Length : a) ?? Enumerable.Range(0, x.Dims.Length).Where(i => x.Dims[i] == 1).Select(i => (long)i)];
        return gone.All(a => a >= 0 && a < x.Dims.Length && x.Dims[(int)a] == 1)
            ? x.Reshape([.. x.Dims.Where((_, i) => !gone.Contains(i))]) : null;
    }

    private static Tensor? Transpose(Tensor x, long[]? permutation)
    {
        int rank = x.Dims.Length;
        permutation ??= [.. Enumerable.Range(0, rank).Reverse().Select(i => (long)i)];
        if (permutation.Length != rank || !permutation.Order().SequenceEqual(Enumerable.Range(0, rank).Select(i => (long)i)))
        {
            return null;
        }

        long[] strides = Strides(x.Dims.AsSpan());
        return Pick(x, [.. permutation.Select(p => x.Dims[(int)p])], index =>
        {
            long at = 0;
            for (int i = 0; i < index.Length; i++)
            {
                at += index[i] * strides[permutation[i]];
            }

            return at;
        });
    }

    private static Tensor? Concat(Node node, Tensor?[] x)
    {
        Tensor first = x[0]!;
        long axis = node.Int("axis", 0);
        axis = axis < 0 ? axis + first.Dims.Length : axis;
        if (axis < 0 || axis >= first.Dims.Length || x.Any(t => t is null || t.Type != first.Type || t.Dims.Length != first.Dims.Length || !t.Dims.Where((_, i) => i != axis).SequenceEqual(first.Dims.Where((_, i) => i != axis))))
        {
            return null;
        }

        int size = first.Type.Bits() / 8;
        long outer = first.Dims.Take((int)axis).Aggregate(1L, (a, b) => a * b);
        using var bytes = new MemoryStream();
        for (long o = 0; o < outer; o++)
        {
            foreach (Tensor? t in x)
            {
                long part = outer == 0 ? 0 : t!.Count / outer * size;
                bytes.Write(t!.Bytes.Slice((int)(o * part), (int)part));
            }
        }

        long[] dims = [.. first.Dims];
        dims[axis] = x.Sum(t => t!.Dims[(int)axis]);
        return new Tensor(first.Type, dims, bytes.ToArray());
    }

    private static Tensor? Slice(Node node, Tensor?[] x)
    {
        Tensor source = x[0]!;
        int rank = source.Dims.Length;
        if (Integers(x, 1) is not { } starts || Integers(x, 2) is not { } ends)
        {
            return null;
        }

        long[]? axes = At(x, 3) is null ? [.. Enumerable.Range(0, starts.Length).Select(i => (long)i)] : Integers(x, 3);
        long[]? steps = At(x, 4) is null ? [.. Enumerable.Repeat(1L, starts.Length)] : Integers(x, 4);
        if (axes is null || steps is null || ends.Length != starts.Length || axes.Length != starts.Length || steps.Length != starts.Length
            || axes.Select(a => a < 0 ? a + rank : a).Distinct().Count() != axes.Length)
        {
            return null;
        }

        long[] dims = [.. source.Dims];
        var from = new long[rank];
        long[] step = [.. Enumerable.Repeat(1L, rank)];
        for (int i = 0; i < starts.Length; i++)
        {
            long axis = axes[i] < 0 ? axes[i] + rank : axes[i];
            if (axis < 0 || axis >= rank || steps[i] is 0 or > int.MaxValue or < -int.MaxValue
                || (steps[i] < 0 && ends[i] is int.MaxValue or long.MaxValue)) // backwards, runtimes take the largest numbers for "to the end", which they are not
            {
                return null;
            }

            long length = source.Dims[(int)axis];
            if (length == 0)
            {
                continue;
            }

            // forwards a start lies in [0, length] and an end too; backwards a start in [0, length - 1] and an end in [-1, length - 1]
            long start = Math.Clamp(starts[i] < 0 ? starts[i] + length : starts[i], 0, steps[i] > 0 ? length : length - 1);
            long end = Math.Clamp(ends[i] < 0 ? ends[i] + length : ends[i], steps[i] > 0 ? 0 : -1, steps[i] > 0 ? length : length - 1);
            dims[axis] = Math.Max(0, steps[i] > 0 ? (end - start + steps[i] - 1) / steps[i] : (start - end - steps[i] - 1) / -steps[i]);
            (from[axis], step[axis]) = (start, steps[i]);
        }

        long[] strides = Strides(source.Dims.AsSpan());
        return Pick(source, dims, index =>
        {
            long at = 0;
            for (int i = 0; i < index.Length; i++)
            {
                at += (from[i] + (index[i] * step[i])) * strides[i];
            }

            return at;
        });
    }

    private static Tensor? Gather(Node node, Tensor?[] x)
    {
        Tensor source = x[0]!;
        if (node.Int("axis", 0) != 0 || source.Dims.Length == 0 || Integers(x, 1) is not { } given)
        {
            return null;
        }

        long rows = source.Dims[0];
        long[] indices = [.. given.Select(i => i < 0 ? i + rows : i)];
        if (indices.Any(i => i < 0 || i >= rows))
        {
            return null;
        }

        int row = (int)(source.ByteLength / Math.Max(1, rows));
        var bytes = new byte[row * indices.Length];
        for (int i = 0; i < indices.Length; i++)
        {
            source.Bytes.Slice((int)indices[i] * row, row).CopyTo(bytes.AsSpan(i * row));
        }

        return new Tensor(source.Type, [.. x[1]!.Dims, .. source.Dims[1..]], bytes);
    }

    private static Tensor? Combine(Node node, Tensor?[] x, Func<float, float, float> floats, Func<long, long, long> integers)
    {
        // equal lengths, or one value: what shape arithmetic and folded scales need; before operator set 7 attributes said how to broadcast
        if (node.Has("axis") || node.Has("broadcast") || At(x, 0) is not { } a || At(x, 1) is not { } b || a.Type != b.Type || !(a.Dims.SequenceEqual(b.Dims) || a.Count == 1 || b.Count == 1))
        {
            return null;
        }

        int rank = Math.Max(a.Dims.Length, b.Dims.Length);
        long Length(Tensor t, int axis) => axis < rank - t.Dims.Length ? 1 : t.Dims[axis - rank + t.Dims.Length];
        long[] dims = [.. Enumerable.Range(0, rank).Select(i => Length(a, i) == 1 ? Length(b, i) : Length(a, i))];
        int count = (int)Count(dims);
        static int Place(Tensor t, int i) => t.Count == 1 ? 0 : i;
        switch (a.Type)
        {
            case ElementType.Float:
                (float[] fa, float[] fb) = (a.ToFloats(), b.ToFloats());
                return Tensor.Of([.. Enumerable.Range(0, count).Select(i => floats(fa[Place(a, i)], fb[Place(b, i)]))], dims);
            case ElementType.Int64:
                (long[] ia, long[] ib) = (a.ToInt64s(), b.ToInt64s());
                return Tensor.Of([.. Enumerable.Range(0, count).Select(i => integers(ia[Place(a, i)], ib[Place(b, i)]))], dims);
            default:
                return null;
        }
    }

    private static long[] Strides(ReadOnlySpan<long> dims)
    {
        var strides = new long[dims.Length];
        long stride = 1;
        for (int i = dims.Length - 1; i >= 0; i--)
        {
            strides[i] = stride;
            stride *= dims[i];
        }

        return strides;
    }

    private static Tensor Pick(Tensor source, long[] dims, Func<long[], long> at)
    {
        int size = source.Type.Bits() / 8;
        long count = dims.Aggregate(1L, (a, b) => a * b);
        var bytes = new byte[count * size];
        var index = new long[dims.Length];
        ReadOnlySpan<byte> from = source.Bytes;
        for (long i = 0; i < count; i++)
        {
            from.Slice((int)(at(index) * size), size).CopyTo(bytes.AsSpan((int)(i * size)));
            for (int d = dims.Length - 1; d >= 0 && ++index[d] == dims[d]; d--)
            {
                index[d] = 0;
            }
        }

        return new Tensor(source.Type, dims, bytes);
    }
}
