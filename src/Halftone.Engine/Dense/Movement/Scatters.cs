using System.Numerics;
using Halftone.Engine.Dense.Elementwise;
using Halftone.Onnx;

namespace Halftone.Engine.Dense.Movement;

/// <summary>ScatterElements (once called Scatter) and ScatterND: a copy of the data, some of whose elements are replaced or combined, in the order of the updates.</summary>
/// <remarks>In one part, since an index may come twice.</remarks>
internal static unsafe class Scatters
{
    private delegate void Merge(byte* at, byte* update, long count);

    private delegate DensePlan Build(DenseRequest request, Merge merge);

    /// <summary>The list.</summary>
    public static IEnumerable<(string Op, Func<DenseRequest, DensePlan> Ready)> List =>
    [
        ("Scatter", r => Reduced(r, Elements)),
        ("ScatterElements", r => Reduced(r, Elements)),
        ("ScatterND", r => Reduced(r, Tuples)),
    ];

    private static DensePlan Reduced(DenseRequest request, Build build)
    {
        long size = request.Input(0).Element.Bits() / 8;
        return request.Node.Text("reduction", "none") switch
        {
            "none" => build(request, (at, update, count) => Buffer.MemoryCopy(update, at, count * size, count * size)),
            "add" => NumberTypes.Plan(request, new Typed<Arithmetic.Add>(build)),
            "mul" => NumberTypes.Plan(request, new Typed<Arithmetic.Mul>(build)),
            "max" => NumberTypes.Plan(request, new Typed<Variadic.Max>(build)),
            "min" => NumberTypes.Plan(request, new Typed<Variadic.Min>(build)),
            var other => throw request.Refusal($"there is no reduction '{other}'."),
        };
    }

    private static DensePlan Elements(DenseRequest request, Merge merge)
    {
        (TensorType x, TensorType indices, TensorType updates) = (request.Input(0), request.Input(1), request.Input(2));
        int axis = request.Axis(request.Node.Int("axis", 0), x.Rank);
        bool wide = Gathers.Wide(request, indices);
        if (indices.Rank != x.Rank || indices.Dims.Where((d, i) => i != axis && d > x.Dims[i]).Any() || !updates.Dims.SequenceEqual(indices.Dims) || updates.Element != x.Element)
        {
            throw request.Refusal($"indices {indices} and updates {updates} do not fit {x} along axis {axis}.");
        }

        TensorType y = request.Type(x.Element, x.Dims);
        int length = x.Dims[axis];
        Gathers.CheckIndices(request, [length], updates.Count);
        long[] strides = Lengths.Strides(x.Dims);
        long stride = strides[axis];
        strides[axis] = 0;
        Walk walk = new(indices.Dims, new Operand(0, strides));
        int size = x.Element.Bits() / 8;
        return new DensePlan([y], (inputs, outputs, _, _, _) =>
        {
            Buffer.MemoryCopy(inputs[0], outputs[0], y.Bytes, y.Bytes);
            Rows rows = new(walk, 0, walk.Count, stackalloc int[walk.Dims.Length]);
            while (rows.Next())
            {
                for (int i = 0; i < rows.Length; i++)
                {
                    long at = rows.A + (i * walk.Strides[0][^1]) + (Gathers.At(inputs[1], wide, rows.Y + i, length) * stride);
                    merge(outputs[0] + (at * size), inputs[2] + ((rows.Y + i) * size), 1);
                }
            }
        });
    }

    private static DensePlan Tuples(DenseRequest request, Merge merge)
    {
        (TensorType x, TensorType indices, TensorType updates) = (request.Input(0), request.Input(1), request.Input(2));
        bool wide = Gathers.Wide(request, indices);
        int depth = indices.Rank > 0 ? indices.Dims[^1] : throw request.Refusal("its indices have no axes.");
        if (depth > x.Rank || updates.Element != x.Element || !updates.Dims.SequenceEqual(indices.Dims.SkipLast(1).Concat(x.Dims.Skip(depth))))
        {
            throw request.Refusal($"indices {indices} and updates {updates} do not fit {x}.");
        }

        TensorType y = request.Type(x.Element, x.Dims);
        long block = Lengths.Product(x.Dims.Skip(depth));
        long tuples = updates.Count == 0 ? 0 : Lengths.Product(indices.Dims.SkipLast(1));
        int size = x.Element.Bits() / 8;
        int[] lengths = [.. x.Dims.Take(depth)];
        Gathers.CheckIndices(request, lengths, updates.Count);
        return new DensePlan([y], (inputs, outputs, _, _, _) =>
        {
            Buffer.MemoryCopy(inputs[0], outputs[0], y.Bytes, y.Bytes);
            for (long i = 0; i < tuples; i++)
            {
                long at = 0;
                for (int d = 0; d < depth; d++)
                {
                    at = (at * lengths[d]) + Gathers.At(inputs[1], wide, (i * depth) + d, lengths[d]);
                }

                merge(outputs[0] + (at * block * size), inputs[2] + (i * block * size), block);
            }
        });
    }

    private readonly struct Typed<TPair>(Build build) : INumberPlan
        where TPair : INumberPair
    {
        public DensePlan Plan<T>(DenseRequest request)
            where T : unmanaged, INumber<T> => build(request, Run<T>);

        private static void Run<T>(byte* at, byte* update, long count)
            where T : unmanaged, INumber<T>
        {
            for (long i = 0; i < count; i++)
            {
                ((T*)at)[i] = TPair.Invoke(((T*)at)[i], ((T*)update)[i]);
            }
        }
    }
}
