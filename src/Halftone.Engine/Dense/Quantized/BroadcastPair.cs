using Halftone.Engine.Dense.Linear;

namespace Halftone.Engine.Dense.Quantized;

/// <summary>Two operands under numpy's broadcasting: rows along which each of them is either one element or as many as the output.</summary>
/// <param name="OutputDims">Lengths of the output.</param>
/// <param name="Rows">Rows of the output.</param>
/// <param name="Length">Elements of a row.</param>
/// <param name="StepA">1, or 0 where the first operand stands still along a row.</param>
/// <param name="StepB">The same for the second.</param>
internal sealed record BroadcastPair(int[] OutputDims, int Rows, int Length, int StepA, int StepB)
{
    private readonly int[] _a = [];
    private readonly int[] _b = [];

    private BroadcastPair(int[] output, int rows, int length, int stepA, int stepB, int[] a, int[] b)
        : this(output, rows, length, stepA, stepB) => (_a, _b) = (a, b);

    /// <summary>Where a row of the output begins in the first operand.</summary>
    public int RowA(int row) => _a[row];

    /// <summary>Where it begins in the second.</summary>
    public int RowB(int row) => _b[row];

    /// <summary>Checks two lists of lengths against each other. Axes at the end that both broadcast alike make one row.</summary>
    public static BroadcastPair Of(DenseRequest request, ReadOnlySpan<int> a, ReadOnlySpan<int> b)
    {
        int rank = Math.Max(a.Length, b.Length);
        int[] da = [.. Enumerable.Repeat(1, rank - a.Length), .. a];
        int[] db = [.. Enumerable.Repeat(1, rank - b.Length), .. b];
        var output = new int[rank];
        for (int i = 0; i < rank; i++)
        {
            request.Require(da[i] == db[i] || da[i] == 1 || db[i] == 1, $"[{string.Join(",", a.ToArray())}] and [{string.Join(",", b.ToArray())}] do not broadcast.");
            output[i] = da[i] == 1 ? db[i] : da[i];
        }

        request.Count(output);
        int axis = rank;
        int length = 1;
        int kind = -1;
        while (axis > 0 && (output[axis - 1] == 1 || kind < 0 || Kind(da, db, axis - 1) == kind))
        {
            axis--;
            kind = output[axis] == 1 ? kind : Kind(da, db, axis);
            length *= output[axis];
        }

        int rows = Requirements.Product(output.AsSpan()[..axis]);
        return new BroadcastPair(output, length == 0 ? 0 : rows, length, kind == 1 ? 0 : 1, kind == 2 ? 0 : 1, Starts(da, output, axis, rows), Starts(db, output, axis, rows));
    }

    /// <summary>0: both move along an axis; 1: the second only; 2: the first only.</summary>
    private static int Kind(int[] a, int[] b, int axis) => a[axis] == b[axis] ? 0 : a[axis] == 1 ? 1 : 2;

    private static int[] Starts(int[] dims, int[] output, int axes, int rows)
    {
        var starts = new int[rows];
        int inner = Requirements.Product(dims.AsSpan()[axes..]);
        for (int i = 0; i < rows; i++)
        {
            int rest = i;
            int stride = inner;
            for (int axis = axes - 1; axis >= 0; axis--)
            {
                starts[i] += dims[axis] == 1 ? 0 : rest % output[axis] * stride;
                stride *= dims[axis];
                rest /= output[axis];
            }
        }

        return starts;
    }
}
