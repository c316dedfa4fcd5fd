using Halftone.Onnx;

namespace Halftone.Engine.Dense.Elementwise;

/// <summary>Where: y = condition ? a : b, broadcast.</summary>
internal static unsafe class Where
{
    /// <summary>The list.</summary>
    public static IEnumerable<(string Op, Func<DenseRequest, DensePlan> Ready)> List => [("Where", Plan)];

    private static DensePlan Plan(DenseRequest request)
    {
        (TensorType condition, TensorType a, TensorType b) = (request.Input(0), request.Input(1), request.Input(2));
        if (condition.Element != ElementType.Bool || a.Element != b.Element)
        {
            throw request.Refusal($"its inputs are {condition}, {a} and {b}, not bool and two of one type.");
        }

        TensorType y = request.Broadcast(a.Element, condition.Dims, a.Dims, b.Dims);
        Walk walk = Walk.Broadcast(y.Dims, condition.Dims, a.Dims, b.Dims);
        DenseKernel kernel = (a.Element.Bits() / 8) switch
        {
            1 => (inputs, outputs, _, part, parts) => Run<byte>(inputs, outputs[0], walk, part, parts),
            2 => (inputs, outputs, _, part, parts) => Run<ushort>(inputs, outputs[0], walk, part, parts),
            4 => (inputs, outputs, _, part, parts) => Run<uint>(inputs, outputs[0], walk, part, parts),
            _ => (inputs, outputs, _, part, parts) => Run<ulong>(inputs, outputs[0], walk, part, parts),
        };
        return new DensePlan([y], kernel) { MostParts = Parts.Most(walk.Count) };
    }

    private static void Run<T>(byte** inputs, byte* output, Walk walk, int part, int parts)
        where T : unmanaged
    {
        (long from, long to) = Parts.Range(walk.Count, part, parts);
        Rows rows = new(walk, from, to, stackalloc int[walk.Dims.Length]);
        (long strideC, long strideA, long strideB) = (walk.Strides[0][^1], walk.Strides[1][^1], walk.Strides[2][^1]);
        while (rows.Next())
        {
            byte* condition = inputs[0] + rows.A;
            T* a = (T*)inputs[1] + rows.B;
            T* b = (T*)inputs[2] + rows.C;
            T* y = (T*)output + rows.Y;
            for (int i = 0; i < rows.Length; i++)
            {
                y[i] = condition[i * strideC] != 0 ? a[i * strideA] : b[i * strideB];
            }
        }
    }
}
