using System.Collections.Immutable;
using Halftone.Onnx;

namespace Halftone.Engine.Dense.Movement;

/// <summary>Concat and Split: the whole is rows of which each piece holds a stretch.</summary>
internal static unsafe class Joins
{
    /// <summary>The list.</summary>
    public static IEnumerable<(string Op, Func<DenseRequest, DensePlan> Ready)> List => [("Concat", Concat), ("Split", Split)];

    private static DensePlan Concat(DenseRequest request)
    {
        TensorType first = request.Input(0);
        TensorType[] x = [.. Enumerable.Range(0, request.InputCount).Select(request.Input)];
        int axis = request.Axis(request.Node.Int("axis", 1), first.Rank);
        foreach (TensorType other in x)
        {
            if (other.Element != first.Element || other.Rank != first.Rank || other.Dims.Where((d, i) => i != axis && d != first.Dims[i]).Any())
            {
                throw request.Refusal($"{first} and {other} do not join along axis {axis}.");
            }
        }

        long[] dims = [.. first.Dims.Select(d => (long)d)];
        dims[axis] = x.Sum(t => (long)t.Dims[axis]);
        TensorType y = request.Type(first.Element, dims);
        long[] starts = Starts(y, axis, x.Select(t => t.Dims[axis]));
        return new DensePlan([y], (inputs, outputs, _, part, parts) =>
        {
            (long from, long to) = Parts.Range(y.Bytes, part, parts);
            Stretches stretches = new(starts, from, to);
            while (stretches.Next())
            {
                Buffer.MemoryCopy(inputs[stretches.Piece] + stretches.InPiece, outputs[0] + stretches.InWhole, stretches.Bytes, stretches.Bytes);
            }
        })
        {
            MostParts = Parts.Most(y.Bytes),
        };
    }

    private static DensePlan Split(DenseRequest request)
    {
        TensorType x = request.Input(0);
        int axis = request.Axis(request.Node.Int("axis", 0), x.Rank);
        long[] lengths = SplitLengths(request, x.Dims[axis]);
        if (lengths.Length != request.Node.Outputs.Count || lengths.Any(l => l < 0 || l > x.Dims[axis]) || lengths.Sum() != x.Dims[axis])
        {
            throw request.Refusal($"lengths [{string.Join(",", lengths)}] do not split axis {axis} of {x} into {request.Node.Outputs.Count} outputs.");
        }

        ImmutableArray<TensorType> outputs = [.. lengths.Select(l => request.Type(x.Element, x.Dims.Select((d, i) => i == axis ? (int)l : d)))];
        long bytes = request.Type(x.Element, x.Dims).Bytes;
        long[] starts = Starts(x, axis, outputs.Select(t => t.Dims[axis]));
        return new DensePlan(outputs, (inputs, pieces, _, part, parts) =>
        {
            (long from, long to) = Parts.Range(bytes, part, parts);
            Stretches stretches = new(starts, from, to);
            while (stretches.Next())
            {
                if (pieces[stretches.Piece] is not null)
                {
                    Buffer.MemoryCopy(inputs[0] + stretches.InWhole, pieces[stretches.Piece] + stretches.InPiece, stretches.Bytes, stretches.Bytes);
                }
            }
        })
        {
            MostParts = Parts.Most(bytes),
        };
    }

    private static long[] SplitLengths(DenseRequest request, int length)
    {
        if (request.Integers(1, "split") is { } given)
        {
            return given;
        }

        int outputs = request.Node.Outputs.Count;
        if (request.Node.Int("num_outputs", outputs) != outputs || outputs == 0)
        {
            throw request.Refusal($"num_outputs is not the number of its outputs, {outputs}.");
        }

        // equal lengths, the last one shorter where they do not go up
        long each = (length + outputs - 1) / outputs;
        if (each * outputs != length && !request.Node.Has("num_outputs"))
        {
            throw request.Refusal($"a length of {length} does not split into {outputs} equal ones.");
        }

        return [.. Enumerable.Range(0, outputs).Select(i => Math.Clamp(length - (each * i), 0, each))];
    }

    // where each piece's stretch begins in a row, in bytes; the last entry is the length of a row
    private static long[] Starts(TensorType whole, int axis, IEnumerable<int> lengths)
    {
        long inner = Lengths.Product(whole.Dims.Skip(axis + 1)) * (whole.Element.Bits() / 8);
        List<long> starts = [0];
        foreach (int length in lengths)
        {
            starts.Add(starts[^1] + (length * inner));
        }

        return [.. starts];
    }

    /// <summary>The stretches of a range of bytes of the whole.</summary>
    private ref struct Stretches(long[] starts, long from, long to)
    {
        private long _next = from;

        public int Piece { get; private set; }

        public long InPiece { get; private set; }

        public long InWhole { get; private set; }

        public long Bytes { get; private set; }

        public bool Next()
        {
            if (_next >= to)
            {
                return false;
            }

            (long row, long at) = Math.DivRem(_next, starts[^1]);
            Piece = at < starts[Piece] ? 0 : Piece;
            while (at >= starts[Piece + 1])
            {
                Piece++;
            }

            long length = starts[Piece + 1] - starts[Piece];
            Bytes = Math.Min(starts[Piece + 1] - at, to - _next);
            InPiece = (row * length) + at - starts[Piece];
            InWhole = _next;
            _next += Bytes;
            return true;
        }
    }
}
