namespace Halftone.Engine.Kernels.Pointwise;

/// <summary>Rows of an image as runs of neighbouring pixels: one run for all where rows follow one another, otherwise one a row.</summary>
internal ref struct RowRuns(ImageLayout layout, int firstRow, int lastRow)
{
    private readonly int _step = layout.IsPacked ? Math.Max(1, lastRow - firstRow) : 1;
    private int _row = firstRow;
    private int _current = firstRow;

    /// <summary>First row of the run, and its pixels.</summary>
    public readonly (int Row, int Pixels) Current => (_current, _step * layout.Width);

    public readonly RowRuns GetEnumerator() => this;

    public bool MoveNext()
    {
        _current = _row;
        _row += _step;
        return _current < lastRow;
    }
}
