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
        ["Squeeze"] = (node, x) => Squeeze(x[0]!, Axes(node, x)),
        ["Transpose"] = (node, x) => Transpose(x[0]!, node.Ints("perm")),
        ["Concat"] = Concat,
        ["Slice"] = Slice,
        ["Gather"] = Gather,
        ["Add"] = (_, x) => Combine(x[0]!, x[1]!, (a, b) => a + b, (a, b) => a + b),
        ["Sub"] = (_, x) => Combine(x[0]!, x[1]!, (a, b) => a - b, (a, b) => a - b),
        ["Mul"] = (_, x) => Combine(x[0]!, x[1]!, (a, b) => a * b, (a, b) => a * b),
        ["Div"] = (_, x) => x[1]!.Type is ElementType.Int64 && x[1]!.As<long>().Contains(0) ? null : Combine(x[0]!, x[1]!, (a, b) => a / b, (a, b) => a / b),
    }.ToFrozenDictionary();

    public static bool Knows(string op) => s_operators.ContainsKey(op);

    /// <summary>The value, or null where it cannot be computed here.</summary>
    public static Tensor? Compute(Node node, Tensor?[] inputs) =>
        inputs.Length > 0 && inputs[0] is { } first && (first.Type.Bits() >= 8 || first.Count == 0) ? s_operators[node.Op](node, inputs) : null;

    private static Tensor? Cast(Node node, Tensor?[] x)
    {
        Tensor from = x[0]!;
        var to = (ElementType)node.Int("to", 1);
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
        long[] dims = x[1]!.ToInt64s();
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
            long known = dims.Where(d => d != -1).Aggregate(1L, (a, b) => a * b);
            if (known == 0 || x[0]!.Count % known != 0)
            {
                return null;
            }

            dims[free] = x[0]!.Count / known;
        }

        return dims.All(d => d >= 0) && dims.Aggregate(1L, (a, b) => a * b) == x[0]!.Count ? x[0]!.Reshape(dims) : null;
    }

    private static long[]? Axes(Node node, Tensor?[] x) => x.Length > 1 && x[1] is { } axes ? axes.ToInt64s() : node.Ints("axes");

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
        if (axis < 0 || axis >= first.Dims.Length || x.Any(t => t!.Type != first.Type || t.Dims.Length != first.Dims.Length || !t.Dims.Where((_, i) => i != axis).SequenceEqual(first.Dims.Where((_, i) => i != axis))))
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
        if (x.Length < 3)
        {
            return null;
        }

        Tensor source = x[0]!;
        int rank = source.Dims.Length;
        long[] starts = x[1]!.ToInt64s();
        long[] ends = x[2]!.ToInt64s();
        long[] axes = x.Length > 3 && x[3] is { } a ? a.ToInt64s() : [.. Enumerable.Range(0, starts.Length).Select(i => (long)i)];
        long[] steps = x.Length > 4 && x[4] is { } s ? s.ToInt64s() : [.. Enumerable.Repeat(1L, starts.Length)];
        long[] dims = [.. source.Dims];
        var from = new long[rank];
        long[] step = [.. Enumerable.Repeat(1L, rank)];
        for (int i = 0; i < starts.Length; i++)
        {
            long axis = axes[i] < 0 ? axes[i] + rank : axes[i];
            if (axis < 0 || axis >= rank || steps[i] == 0)
            {
                return null;
            }

            long length = source.Dims[(int)axis];
            long start = Math.Clamp(starts[i] < 0 ? starts[i] + length : starts[i], steps[i] > 0 ? 0 : -1, steps[i] > 0 ? length : length - 1);
            long end = Math.Clamp(ends[i] < 0 ? (ends[i] < -length ? -1 : ends[i] + length) : ends[i], steps[i] > 0 ? 0 : -1, length);
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
        if (node.Int("axis", 0) != 0 || source.Dims.Length == 0 || x[1]!.Type is not (ElementType.Int64 or ElementType.Int32))
        {
            return null;
        }

        long rows = source.Dims[0];
        long[] indices = [.. x[1]!.ToInt64s().Select(i => i < 0 ? i + rows : i)];
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

    private static Tensor? Combine(Tensor a, Tensor b, Func<float, float, float> floats, Func<long, long, long> integers)
    {
        // equal lengths, or one value: what shape arithmetic and folded scales need
        if (a.Type != b.Type || !(a.Dims.SequenceEqual(b.Dims) || a.Count == 1 || b.Count == 1))
        {
            return null;
        }

        long[] dims = a.Count == 1 && b.Count > 1 ? [.. b.Dims] : a.Count > 1 ? [.. a.Dims] : [.. a.Dims.Length >= b.Dims.Length ? a.Dims : b.Dims];
        int count = (int)Math.Max(a.Count, b.Count);
        int At(Tensor t, int i) => t.Count == 1 ? 0 : i;
        switch (a.Type)
        {
            case ElementType.Float:
                (float[] fa, float[] fb) = (a.ToFloats(), b.ToFloats());
                return Tensor.Of([.. Enumerable.Range(0, count).Select(i => floats(fa[At(a, i)], fb[At(b, i)]))], dims);
            case ElementType.Int64:
                (long[] ia, long[] ib) = (a.ToInt64s(), b.ToInt64s());
                return Tensor.Of([.. Enumerable.Range(0, count).Select(i => integers(ia[At(a, i)], ib[At(b, i)]))], dims);
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
