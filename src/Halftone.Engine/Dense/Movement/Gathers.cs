using Halftone.Onnx;

namespace Halftone.Engine.Dense.Movement;

/// <summary>Gather, GatherElements and GatherND. Indices known before are checked; those computed at run time are brought into range, so that no element outside is read.</summary>
internal static unsafe class Gathers
{
    /// <summary>The list.</summary>
    public static IEnumerable<(string Op, Func<DenseRequest, DensePlan> Ready)> List => [("Gather", Gather), ("GatherElements", GatherElements), ("GatherND", GatherND)];

    private static DensePlan Gather(DenseRequest request)
    {
        (TensorType x, TensorType indices) = (request.Input(0), request.Input(1));
        int axis = request.Axis(request.Node.Int("axis", 0), x.Rank);
        bool wide = Wide(request, indices);
        int length = x.Dims[axis];
        TensorType y = request.Type(x.Element, x.Dims.Take(axis).Concat(indices.Dims).Concat(x.Dims.Skip(axis + 1)));
        CheckIndices(request, [length], y.Count);
        long block = Lengths.Product(x.Dims.Skip(axis + 1)) * (x.Element.Bits() / 8);
        int count = (int)indices.Count;
        long blocks = block == 0 ? 0 : y.Bytes / block;
        return new DensePlan([y], (inputs, outputs, _, part, parts) =>
        {
            for (long i = blocks * part / parts; i < blocks * (part + 1) / parts; i++)
            {
                (long outer, long at) = Math.DivRem(i, count);
                long from = ((outer * length) + At(inputs[1], wide, at, length)) * block;
                Buffer.MemoryCopy(inputs[0] + from, outputs[0] + (i * block), block, block);
            }
        })
        {
            MostParts = (int)Math.Clamp(Math.Min(blocks, y.Bytes / 4096), 1, 1024),
        };
    }

    private static DensePlan GatherElements(DenseRequest request)
    {
        (TensorType x, TensorType indices) = (request.Input(0), request.Input(1));
        int axis = request.Axis(request.Node.Int("axis", 0), x.Rank);
        bool wide = Wide(request, indices);
        if (indices.Rank != x.Rank || indices.Dims.Where((d, i) => i != axis && d > x.Dims[i]).Any())
        {
            throw request.Refusal($"indices {indices} do not fit {x} along axis {axis}.");
        }

        int length = x.Dims[axis];
        TensorType y = request.Type(x.Element, indices.Dims);
        CheckIndices(request, [length], y.Count);
        long[] strides = Lengths.Strides(x.Dims);
        long stride = strides[axis];
        strides[axis] = 0;
        Walk walk = new(y.Dims, new Operand(0, strides));
        int size = x.Element.Bits() / 8;
        return new DensePlan([y], (inputs, outputs, _, part, parts) =>
        {
            (long from, long to) = Parts.Range(walk.Count, part, parts);
            Rows rows = new(walk, from, to, stackalloc int[walk.Dims.Length]);
            while (rows.Next())
            {
                for (int i = 0; i < rows.Length; i++)
                {
                    long at = rows.A + (i * walk.Strides[0][^1]) + (At(inputs[1], wide, rows.Y + i, length) * stride);
                    Buffer.MemoryCopy(inputs[0] + (at * size), outputs[0] + ((rows.Y + i) * size), size, size);
                }
            }
        })
        {
            MostParts = Parts.Most(y.Count),
        };
    }

    private static DensePlan GatherND(DenseRequest request)
    {
        (TensorType x, TensorType indices) = (request.Input(0), request.Input(1));
        long batchDims = request.Node.Int("batch_dims", 0);
        bool wide = Wide(request, indices);
        int depth = indices.Rank > 0 ? indices.Dims[^1] : throw request.Refusal("its indices have no axes.");
        if (batchDims < 0 || batchDims >= indices.Rank || batchDims + depth > x.Rank || !x.Dims.Take((int)batchDims).SequenceEqual(indices.Dims.Take((int)batchDims)))
        {
            throw request.Refusal($"indices {indices} do not fit {x} with batch_dims {batchDims}.");
        }

        int b = (int)batchDims;
        TensorType y = request.Type(x.Element, indices.Dims.SkipLast(1).Concat(x.Dims.Skip(b + depth)));
        long block = Lengths.Product(x.Dims.Skip(b + depth)) * (x.Element.Bits() / 8);
        long tuples = y.Count == 0 ? 0 : Lengths.Product(indices.Dims.SkipLast(1));
        long perBatch = Lengths.Product(indices.Dims.Skip(b).SkipLast(1));
        int[] lengths = [.. x.Dims.Skip(b).Take(depth)];
        CheckIndices(request, lengths, y.Count);
        return new DensePlan([y], (inputs, outputs, _, part, parts) =>
        {
            for (long i = tuples * part / parts; i < tuples * (part + 1) / parts; i++)
            {
                long at = i / perBatch;
                for (int d = 0; d < depth; d++)
                {
                    at = (at * lengths[d]) + At(inputs[1], wide, (i * depth) + d, lengths[d]);
                }

                Buffer.MemoryCopy(inputs[0] + (at * block), outputs[0] + (i * block), block, block);
            }
        })
        {
            MostParts = (int)Math.Clamp(Math.Min(tuples, y.Bytes / 4096), 1, 1024),
        };
    }

    /// <summary>Whether indices have 64 bits, and not 32.</summary>
    /// <exception cref="ModelException">They have neither.</exception>
    public static bool Wide(DenseRequest request, TensorType indices) =>
        indices.Element is ElementType.Int64 || (indices.Element is ElementType.Int32 ? false : throw request.Refusal($"its indices are {indices.Element.OnnxName()}, neither int32 nor int64."));

    /// <summary>Checks the indices of the second input, where they are known.</summary>
    /// <param name="request">Whose.</param>
    /// <param name="lengths">The lengths that indices count along, in turn.</param>
    /// <param name="elements">How many elements are moved; where it is none, no index matters.</param>
    /// <exception cref="ModelException">One is outside, or there is nothing inside.</exception>
    public static void CheckIndices(DenseRequest request, int[] lengths, long elements)
    {
        if (elements == 0 || lengths.Length == 0)
        {
            return;
        }

        if (lengths.Contains(0))
        {
            throw request.Refusal("any index is outside an axis of length 0.");
        }

        long[] known = request.Constant(1)?.ToInt64s() ?? [];
        for (int i = 0; i < known.Length; i++)
        {
            int length = lengths[i % lengths.Length];
            if (known[i] < -length || known[i] >= length)
            {
                throw request.Refusal($"index {known[i]} is outside an axis of length {length}.");
            }
        }
    }

    /// <summary>An index from the front, brought into range.</summary>
    public static long At(byte* indices, bool wide, long i, int length)
    {
        long at = wide ? ((long*)indices)[i] : ((int*)indices)[i];
        return Math.Clamp(at < 0 ? at + length : at, 0, length - 1);
    }
}
