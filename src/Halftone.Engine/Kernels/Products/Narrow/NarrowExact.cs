namespace Halftone.Engine.Kernels.Products.Narrow;

/// <summary>What of a <see cref="NarrowProblem"/> is summed exactly: outliers, and zero points of weights by the sum of the row.</summary>
internal sealed unsafe class NarrowExact
{
    private readonly int[] _starts;
    private readonly int[] _offsets;
    private readonly sbyte[] _weights;
    private readonly int[] _zeros;
    private readonly int[]? _row;

    /// <summary>Takes a problem.</summary>
    public NarrowExact(NarrowProblem problem)
    {
        _starts = problem.Outliers.Starts;
        _offsets = [.. problem.Outliers.Depths.Select(problem.Offset)];
        _weights = problem.Outliers.Weights;
        _zeros = problem.ZeroPoints;
        _row = _zeros.All(z => z == 0) ? null : [.. Enumerable.Range(0, problem.Depth).Select(problem.Offset)];
    }

    /// <summary>Adds it to the sums of some channels of one row.</summary>
    /// <param name="row">The row.</param>
    /// <param name="first">The first channel.</param>
    /// <param name="sums">One a channel.</param>
    public void Add(byte* row, int first, Span<int> sums)
    {
        int total = 0;
        foreach (int offset in _row ?? [])
        {
            total += row[offset];
        }

        for (int c = 0; c < sums.Length; c++)
        {
            int sum = sums[c] - (_zeros[first + c] * total);
            for (int i = _starts[first + c]; i < _starts[first + c + 1]; i++)
            {
                sum += row[_offsets[i]] * _weights[i];
            }

            sums[c] = sum;
        }
    }
}
