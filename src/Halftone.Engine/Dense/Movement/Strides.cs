using Halftone.Onnx;

namespace Halftone.Engine.Dense.Movement;

/// <summary>Operators whose output is their input read with other strides: Transpose, Slice, Expand, Tile, DepthToSpace, SpaceToDepth.</summary>
internal static class Strides
{
    /// <summary>The list.</summary>
    public static IEnumerable<(string Op, Func<DenseRequest, DensePlan> Ready)> List =>
    [
        ("Transpose", Transpose),
        ("Slice", Slice),
        ("Expand", Expand),
        ("Tile", Tile),
        ("DepthToSpace", DepthToSpace),
        ("SpaceToDepth", SpaceToDepth),
    ];

    private static DensePlan Transpose(DenseRequest request)
    {
        TensorType x = request.Input(0);
        int[] order = request.Node.Ints("perm") is { } given ? request.Axes(given, x.Rank) : [.. Enumerable.Range(0, x.Rank).Reverse()];
        return order.Length == x.Rank ? Permuted(request, x.Dims, order, order.Select(a => (long)x.Dims[a])) : throw request.Refusal($"perm does not order the {x.Rank} axes.");
    }

    private static DensePlan Slice(DenseRequest request)
    {
        TensorType x = request.Input(0);
        long[] starts = request.Integers(1, "starts") ?? throw request.Refusal("it lacks its starts.");
        long[] ends = request.Integers(2, "ends") ?? throw request.Refusal("it lacks its ends.");
        int[] axes = request.Axes(request.Integers(3, "axes") ?? [.. Enumerable.Range(0, starts.Length).Select(i => (long)i)], x.Rank);
        long[] steps = request.Has(4) ? request.Integers(4) : [.. starts.Select(_ => 1L)];
        if (ends.Length != starts.Length || axes.Length != starts.Length || steps.Length != starts.Length || steps.Contains(0))
        {
            throw request.Refusal("starts, ends, axes and steps are not as many, or a step is 0.");
        }

        long[] strides = Lengths.Strides(x.Dims);
        int[] dims = [.. x.Dims];
        long offset = 0;
        for (int i = 0; i < axes.Length; i++)
        {
            int length = x.Dims[axes[i]];
            (long start, dims[axes[i]]) = Bounds(starts[i], ends[i], steps[i], length);
            offset += start * strides[axes[i]];
            strides[axes[i]] *= dims[axes[i]] > 1 ? steps[i] : 1; // a step past the end is never taken, and might overflow
        }

        TensorType y = request.Type(x.Element, dims);
        return Copies.Strided(y, new Walk(y.Dims, new Operand(offset, strides)));
    }

    // negative counts from the end, and what is outside is cut: ONNX starts a backward walk at 0 where numpy would not start at all
    private static (long Start, int Length) Bounds(long start, long end, long step, int length)
    {
        if (length == 0)
        {
            return (0, 0);
        }

        long high = step > 0 ? length : length - 1;
        start = Math.Clamp(start < 0 ? start + length : start, 0, high);
        end = Math.Clamp(end < 0 ? end + length : end, step > 0 ? 0 : -1, high);
        Int128 count = step > 0 ? ((Int128)end - start + step - 1) / step : ((Int128)start - end - step - 1) / -(Int128)step;
        return (start, (int)Int128.Max(0, count));
    }

    private static DensePlan Expand(DenseRequest request)
    {
        TensorType x = request.Input(0);
        int[] shape = [.. request.Type(ElementType.UInt8, request.Integers(1)).Dims];
        TensorType y = request.Broadcast(x.Element, x.Dims, shape);
        return Copies.Strided(y, Walk.Broadcast(y.Dims, x.Dims));
    }

    // [d0, d1, ..] repeated r0, r1, .. times is [r0, d0, r1, d1, ..] with strides 0 for the repeats
    private static DensePlan Tile(DenseRequest request)
    {
        TensorType x = request.Input(0);
        long[] repeats = request.Opset < 6 ? OldRepeats(request, x.Rank) : request.Integers(1);
        if (repeats.Length != x.Rank || repeats.Any(r => r is < 0 or > Lengths.MostBytes))
        {
            throw request.Refusal($"its repeats are not one for each of the {x.Rank} axes.");
        }

        TensorType y = request.Type(x.Element, repeats.Zip(x.Dims, (r, d) => r * d).ToArray());
        int[] dims = [.. x.Dims.SelectMany((d, i) => new[] { (int)repeats[i], d })];
        long[] strides = [.. Lengths.Strides(x.Dims).SelectMany(s => new[] { 0L, s })];
        return Copies.Strided(y, new Walk(dims, new Operand(0, strides)));
    }

    private static long[] OldRepeats(DenseRequest request, int rank)
    {
        long[] tiles = request.Integers(1);
        long[] axis = request.Integers(2);
        long[] repeats = [.. Enumerable.Repeat(1L, rank)];
        repeats[request.Axis(axis is [var a] ? a : throw request.Refusal("its axis is no scalar."), rank)] = tiles is [var t] ? t : throw request.Refusal("its tiles are no scalar.");
        return repeats;
    }

    private static DensePlan DepthToSpace(DenseRequest request)
    {
        (TensorType x, int b) = Blocks(request);
        (int n, int c, int h, int w) = (x.Dims[0], x.Dims[1], x.Dims[2], x.Dims[3]);
        if (c % ((long)b * b) != 0)
        {
            throw request.Refusal($"its {c} channels are no multiple of the block's {b} * {b}.");
        }

        int depth = c / b / b;
        long[] dims = [n, depth, (long)h * b, (long)w * b];
        return request.Node.Text("mode", "DCR") switch
        {
            "DCR" => Permuted(request, [n, b, b, depth, h, w], [0, 3, 4, 1, 5, 2], dims),
            "CRD" => Permuted(request, [n, depth, b, b, h, w], [0, 1, 4, 2, 5, 3], dims),
            var mode => throw request.Refusal($"its mode '{mode}' is neither DCR nor CRD."),
        };
    }

    private static DensePlan SpaceToDepth(DenseRequest request)
    {
        (TensorType x, int b) = Blocks(request);
        (int n, int c, int h, int w) = (x.Dims[0], x.Dims[1], x.Dims[2], x.Dims[3]);
        return h % b == 0 && w % b == 0
            ? Permuted(request, [n, c, h / b, b, w / b, b], [0, 3, 5, 1, 2, 4], [n, (long)c * b * b, h / b, w / b])
            : throw request.Refusal($"its {h} x {w} pixels are no multiple of the block's {b} x {b}.");
    }

    private static (TensorType X, int Block) Blocks(DenseRequest request)
    {
        TensorType x = request.Input(0);
        long block = request.Node.Int("blocksize", 0);
        return x.Rank == 4 && block is > 0 and <= short.MaxValue ? (x, (int)block) : throw request.Refusal($"it needs 4 axes and a block size, not {x.Rank} and {block}.");
    }

    // the input as some lengths, its axes in another order, the output as other lengths
    private static DensePlan Permuted(DenseRequest request, IReadOnlyList<int> dims, int[] order, IEnumerable<long> output)
    {
        long[] strides = Lengths.Strides(dims);
        TensorType y = request.Type(request.Input(0).Element, output.ToArray());
        return Copies.Strided(y, new Walk([.. order.Select(a => dims[a])], new Operand(0, [.. order.Select(a => strides[a])])));
    }
}
