namespace Halftone.Engine.Tests.Sessions.Nets;

/// <summary>Operators that move values.</summary>
internal sealed partial class QdqNet
{
    private void Move(Codes x)
    {
        switch (Random.Next(9))
        {
            case 0:
                Transpose(x);
                break;
            case 1:
                int axis = Random.Next(0, x.Rank + 1);
                long[] flat = [x.Dims[..axis].Aggregate(1L, (a, b) => a * b), x.Dims[axis..].Aggregate(1L, (a, b) => a * b)];
                Moved(_draft.Node("Flatten", [Float(x)], n => n.With("axis", axis)), flat, x);
                break;
            case 2:
                Reshape(x);
                break;
            case 3:
                Squeeze(x);
                break;
            case 4:
                Slice(x);
                break;
            case 5:
                Split(x);
                break;
            case 6:
                Gather(x);
                break;
            case 7:
                Pad(x);
                break;
            default:
                Moved(_draft.Node("Identity", [Float(x)]), x.Dims, x);
                break;
        }
    }

    private void Transpose(Codes x)
    {
        long[] order = [.. Enumerable.Range(0, x.Rank).Select(i => (long)i)];
        Random.Shuffle(order);
        Moved(_draft.Node("Transpose", [Float(x)], n => n.With("perm", order)), [.. order.Select(o => x.Dims[o])], x);
    }

    private void Reshape(Codes x)
    {
        long[] dims = x.Rank switch
        {
            2 when x.Dims[1] % 2 == 0 => [x.Dims[0], 2, x.Dims[1] / 2],
            3 => [x.Dims[0], x.Dims[1], x.Dims[2], 1],
            _ => [x.Dims[0], -1],
        };
        Moved(_draft.Node("Reshape", [Float(x), _draft.Integers(dims)]), [.. dims.Select(d => d < 0 ? x.Count / dims[0] : d)], x);
    }

    private void Squeeze(Codes x)
    {
        int one = Array.IndexOf(x.Dims, 1L);
        if (one >= 0 && x.Rank > 1)
        {
            Moved(_draft.Node("Squeeze", [Float(x), _draft.Integers(one)]), [.. x.Dims.Where((_, i) => i != one)], x);
        }
        else if (x.Rank < 5)
        {
            int axis = Random.Next(x.Rank + 1);
            Moved(_draft.Node("Unsqueeze", [Float(x), _draft.Integers(axis)]), [.. x.Dims[..axis], 1, .. x.Dims[axis..]], x);
        }
    }

    private void Slice(Codes x)
    {
        int axis = Random.Next(x.Rank);
        long length = x.Dims[axis];
        long step = _draft.Pick(1, 1, 2, -1);
        (long from, long to) = (Random.Next((int)length), length);
        if (step < 0)
        {
            to = -length - 1; // to the first
        }

        long count = step < 0 ? from + 1 : (to - from + step - 1) / step;
        long[] dims = [.. x.Dims];
        dims[axis] = count;
        Moved(_draft.Node("Slice", [Float(x), _draft.Integers(from), _draft.Integers(to), _draft.Integers(axis), _draft.Integers(step)]), dims, x);
    }

    private void Split(Codes x)
    {
        int axis = Random.Next(x.Rank);
        long length = x.Dims[axis];
        if (length < 2)
        {
            return;
        }

        long first = Random.Next(1, (int)length);
        string[] parts = _draft.Node("Split", [Float(x), _draft.Integers(first, length - first)], 2, n => n.With("axis", axis));
        for (int i = 0; i < 2; i++)
        {
            long[] dims = [.. x.Dims];
            dims[axis] = i == 0 ? first : length - first;
            Moved(parts[i], dims, x);
        }
    }

    private void Gather(Codes x)
    {
        int axis = Random.Next(x.Rank);
        long[] indices = [.. Enumerable.Range(0, Random.Next(1, 4)).Select(_ => (long)Random.Next((int)-x.Dims[axis], (int)x.Dims[axis]))];
        long[] dims = [.. x.Dims];
        dims[axis] = indices.Length;
        Moved(_draft.Node("Gather", [Float(x), _draft.Integers(indices)], n => n.With("axis", axis)), dims, x);
    }

    private void Pad(Codes x)
    {
        string mode = _draft.Pick("constant", "constant", "edge", "reflect");
        long[] pads = new long[2 * x.Rank];
        for (int i = 0; i < pads.Length; i++)
        {
            int most = mode == "reflect" ? (int)Math.Min(2, x.Dims[i % x.Rank] - 1) : 2;
            pads[i] = i % x.Rank >= 2 || x.Rank < 3 ? Random.Next(most + 1) : 0;
        }

        string[] value = mode == "constant" && _draft.Chance(50) ? [_draft.Float(_draft.RandomScale(x.Scale * 20))] : [];
        string y = _draft.Node("Pad", [Float(x), _draft.Integers(pads), .. value], n => n.With("mode", mode));
        Moved(y, [.. x.Dims.Select((d, i) => d + pads[i] + pads[i + x.Rank])], x);
    }
}
