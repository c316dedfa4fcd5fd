namespace Halftone.Engine.Dense;

/// <summary>An operand seen through the axes of an output: where its first element lies, and how far one index is from the next; in elements.</summary>
/// <param name="Offset">Of the element at index 0 of every axis.</param>
/// <param name="Strides">One an axis: 0 where it is broadcast, negative where it is read backwards.</param>
internal readonly record struct Operand(long Offset, long[] Strides);

/// <summary>Goes over an output in order and says where up to three operands lie. Axes that lie in memory as one are one.</summary>
internal sealed class Walk
{
    /// <param name="dims">Lengths of the output.</param>
    /// <param name="operands">One to three.</param>
    public Walk(IReadOnlyList<int> dims, params Operand[] operands)
    {
        Count = Lengths.Product(dims);
        Operands = operands.Length;
        List<int> lengths = [];
        List<long[]> strides = [];
        for (int axis = 0; axis < dims.Count && Count > 0; axis++)
        {
            if (dims[axis] == 1)
            {
                continue;
            }

            long[] step = [.. operands.Select(o => o.Strides[axis])];
            if (lengths.Count > 0 && strides[^1].Zip(step).All(s => s.First == s.Second * dims[axis]))
            {
                lengths[^1] *= dims[axis];
                strides[^1] = step;
            }
            else
            {
                lengths.Add(dims[axis]);
                strides.Add(step);
            }
        }

        if (lengths.Count == 0)
        {
            lengths.Add(1);
            strides.Add([.. operands.Select(_ => 1L)]);
        }

        Dims = [.. lengths];
        Strides = [.. Enumerable.Range(0, 3).Select(o => strides.Select(s => o < operands.Length ? s[o] : 0).ToArray())];
        Offsets = [.. Enumerable.Range(0, 3).Select(o => o < operands.Length ? operands[o].Offset : 0)];
    }

    /// <summary>Number of elements of the output.</summary>
    public long Count { get; }

    /// <summary>Number of operands.</summary>
    public int Operands { get; }

    /// <summary>Lengths of the joined axes; the last is a row.</summary>
    public int[] Dims { get; }

    /// <summary>Strides by operand and axis.</summary>
    public long[][] Strides { get; }

    /// <summary>Where each operand begins.</summary>
    public long[] Offsets { get; }

    /// <summary>Operands broadcast to an output, as numpy does.</summary>
    public static Walk Broadcast(IReadOnlyList<int> dims, params IReadOnlyList<int>[] operands) =>
        new(dims, [.. operands.Select(o => new Operand(0, BroadcastStrides(dims.Count, o)))]);

    private static long[] BroadcastStrides(int rank, IReadOnlyList<int> operand)
    {
        var strides = new long[rank];
        long[] own = Lengths.Strides(operand);
        int lead = rank - operand.Count;
        for (int i = 0; i < operand.Count; i++)
        {
            strides[lead + i] = operand[i] == 1 ? 0 : own[i];
        }

        return strides;
    }
}

/// <summary>The rows of a part of a <see cref="Walk"/>; the first and the last may be cut.</summary>
internal ref struct Rows
{
    private readonly Walk _walk;
    private readonly Span<int> _index;
    private readonly long _to;
    private readonly int _row;
    private long _next;
    private int _column;
    private long _a;
    private long _b;
    private long _c;

    /// <param name="walk">What to go over.</param>
    /// <param name="from">First element of the output.</param>
    /// <param name="to">The element after the last.</param>
    /// <param name="index">Room for the index of a row: as many numbers as the walk has axes.</param>
    public Rows(Walk walk, long from, long to, Span<int> index)
    {
        (_walk, _next, _to) = (walk, from, to);
        _index = index;
        _row = walk.Dims[^1];
        (_a, _b, _c) = (walk.Offsets[0], walk.Offsets[1], walk.Offsets[2]);
        if (from >= to)
        {
            return;
        }

        _column = (int)(from % _row);
        long rest = from / _row;
        for (int axis = walk.Dims.Length - 2; axis >= 0; axis--)
        {
            index[axis] = (int)(rest % walk.Dims[axis]);
            rest /= walk.Dims[axis];
            Move(axis, index[axis]);
        }
    }

    /// <summary>Where the row begins in the first operand.</summary>
    public long A { get; private set; }

    /// <summary>Where the row begins in the second operand.</summary>
    public long B { get; private set; }

    /// <summary>Where the row begins in the third operand.</summary>
    public long C { get; private set; }

    /// <summary>Where the row begins in the output.</summary>
    public long Y { get; private set; }

    /// <summary>Elements of the row.</summary>
    public int Length { get; private set; }

    /// <summary>Goes to the next row, the first at first.</summary>
    public bool Next()
    {
        if (_next >= _to)
        {
            return false;
        }

        if (_column == _row)
        {
            Advance();
        }

        int last = _walk.Dims.Length - 1;
        Length = (int)Math.Min(_row - _column, _to - _next);
        A = _a + (_column * _walk.Strides[0][last]);
        B = _b + (_column * _walk.Strides[1][last]);
        C = _c + (_column * _walk.Strides[2][last]);
        Y = _next;
        _next += Length;
        _column += Length;
        return true;
    }

    private void Advance()
    {
        _column = 0;
        for (int axis = _walk.Dims.Length - 2; axis >= 0; axis--)
        {
            Move(axis, 1);
            if (++_index[axis] < _walk.Dims[axis])
            {
                return;
            }

            Move(axis, -_walk.Dims[axis]);
            _index[axis] = 0;
        }
    }

    private void Move(int axis, int steps)
    {
        _a += steps * _walk.Strides[0][axis];
        _b += steps * _walk.Strides[1][axis];
        _c += steps * _walk.Strides[2][axis];
    }
}
