namespace Halftone.Engine.Dense.Linear;

/// <summary>Lengths of a matrix product with numpy's rules: operands of one axis, broadcast batches.</summary>
/// <param name="OutputDims">Lengths of the output.</param>
/// <param name="Rows">Rows of a batch. A right operand of one matrix makes one batch of all rows.</param>
/// <param name="Columns">Columns.</param>
/// <param name="Depth">Length of the sums.</param>
/// <param name="LeftBatch">The left matrix of every batch.</param>
/// <param name="RightBatch">The right matrix of every batch.</param>
/// <param name="MatrixRows">Rows of one matrix of the left operand.</param>
internal sealed record MatMulShape(int[] OutputDims, int Rows, int Columns, int Depth, int[] LeftBatch, int[] RightBatch, int MatrixRows)
{
    /// <summary>Batches.</summary>
    public int Batches => LeftBatch.Length;

    /// <summary>Matrices in the right operand.</summary>
    public required int RightBatches { get; init; }

    /// <summary>Elements of the left operand.</summary>
    public required int LeftCount { get; init; }

    /// <summary>Checks two operands against each other.</summary>
    /// <param name="request">The node.</param>
    /// <param name="a">Lengths of the left operand.</param>
    /// <param name="b">Lengths of the right one.</param>
    /// <param name="transposedA">Whether the last axes of the left are [depth, rows].</param>
    /// <param name="transposedB">Whether the last axes of the right are [columns, depth].</param>
    public static MatMulShape Of(DenseRequest request, ReadOnlySpan<int> a, ReadOnlySpan<int> b, bool transposedA = false, bool transposedB = false)
    {
        request.Require(a.Length >= 1 && b.Length >= 1, "a scalar has no rows and columns.");
        bool rowVector = a.Length == 1;
        bool columnVector = b.Length == 1;
        request.Require(!(rowVector && transposedA) && !(columnVector && transposedB), "an operand of one axis cannot be transposed.");
        (int rows, int depth) = rowVector ? (1, a[0]) : transposedA ? (a[^1], a[^2]) : (a[^2], a[^1]);
        (int inner, int columns) = columnVector ? (b[0], 1) : transposedB ? (b[^1], b[^2]) : (b[^2], b[^1]);
        request.Require(depth == inner, $"[{string.Join(",", a.ToArray())}] and [{string.Join(",", b.ToArray())}] do not multiply: their inner lengths are {depth} and {inner}.");
        int[] left = rowVector ? [] : a[..^2].ToArray();
        int[] right = columnVector ? [] : b[..^2].ToArray();
        int[] batch = Broadcast(request, left, right);
        int[] output = [.. batch, .. rowVector ? Array.Empty<int>() : [rows], .. columnVector ? Array.Empty<int>() : [columns]];
        request.Count(output);
        request.Count([depth, columns]);
        int batches = request.Count(batch);
        int rightBatches = request.Count(right);
        bool one = right.All(l => l == 1) && !transposedA && left.Length == batch.Length;
        return new MatMulShape(
            output,
            one ? request.Count([batches, rows]) : rows,
            columns,
            depth,
            one ? [0] : Indices(left, batch, batches),
            one ? [0] : Indices(right, batch, batches),
            rows)
        {
            RightBatches = rightBatches,
            LeftCount = request.Count(a),
        };
    }

    private static int[] Broadcast(DenseRequest request, int[] a, int[] b)
    {
        var dims = new int[Math.Max(a.Length, b.Length)];
        for (int i = 0; i < dims.Length; i++)
        {
            int l = At(a, i, dims.Length);
            int r = At(b, i, dims.Length);
            request.Require(l == r || l == 1 || r == 1, $"batches [{string.Join(",", a)}] and [{string.Join(",", b)}] do not broadcast.");
            dims[i] = l == 1 ? r : l;
        }

        return dims;
    }

    private static int At(int[] dims, int axis, int rank) => axis < rank - dims.Length ? 1 : dims[axis - rank + dims.Length];

    /// <summary>Which of the matrices of an operand each of the broadcast batches takes.</summary>
    internal static int[] Indices(int[] dims, int[] batch, int batches)
    {
        var indices = new int[batches];
        for (int i = 0; i < batches; i++)
        {
            int rest = i;
            int stride = 1;
            for (int axis = batch.Length - 1; axis >= 0; axis--)
            {
                int length = At(dims, axis, batch.Length);
                indices[i] += length == 1 ? 0 : rest % batch[axis] * stride;
                stride *= length;
                rest /= batch[axis];
            }
        }

        return indices;
    }
}
