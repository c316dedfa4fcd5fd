using System.Numerics;
using Halftone.Onnx;

namespace Halftone.Engine.Dense.Elementwise;

/// <summary>Pow: the exponent may be of another type than the base, whose type the result has.</summary>
internal static unsafe class Pow
{
    /// <summary>The list.</summary>
    public static IEnumerable<(string Op, Func<DenseRequest, DensePlan> Ready)> List => [("Pow", Plan)];

    private static DensePlan Plan(DenseRequest request) => request.Input(0).Element switch
    {
        ElementType.Float => Plan<float>(request, (x, e) => MathF.Pow(x, (float)e)),
        ElementType.Double => Plan<double>(request, Math.Pow),
        ElementType.Float16 => Plan<Half>(request, (x, e) => (Half)Math.Pow((double)x, e)),
        ElementType.Int32 => Plan<int>(request, Integer),
        ElementType.Int64 => Plan<long>(request, Integer),
        var other => throw request.Refusal($"it does not raise {other.OnnxName()}."),
    };

    private static DensePlan Plan<T>(DenseRequest request, Func<T, double, T> power)
        where T : unmanaged
    {
        (TensorType x, TensorType exponent) = (request.Input(0), request.Input(1));
        IReadOnlyList<int> second = request.SecondDims();
        TensorType y = request.Broadcast(x.Element, x.Dims, second);
        Walk walk = Walk.Broadcast(y.Dims, x.Dims, second);
        int size = exponent.Element.Bits() / 8;
        delegate*<byte*, double> read = Reader(request, exponent.Element);
        return new DensePlan([y], (inputs, outputs, _, part, parts) =>
        {
            (long from, long to) = Parts.Range(walk.Count, part, parts);
            Rows rows = new(walk, from, to, stackalloc int[walk.Dims.Length]);
            (long strideX, long strideE) = (walk.Strides[0][^1], walk.Strides[1][^1]);
            while (rows.Next())
            {
                for (int i = 0; i < rows.Length; i++)
                {
                    double e = read(inputs[1] + ((rows.B + (i * strideE)) * size));
                    ((T*)outputs[0])[rows.Y + i] = power(((T*)inputs[0])[rows.A + (i * strideX)], e);
                }
            }
        })
        {
            MostParts = Parts.Most(walk.Count),
        };
    }

    // whole exponents exactly, wrapping; others as the nearest double has them
    private static T Integer<T>(T x, double exponent)
        where T : IBinaryInteger<T>
    {
        if (exponent < 0 || exponent != Math.Floor(exponent) || exponent > int.MaxValue)
        {
            return T.CreateSaturating(Math.Pow(double.CreateTruncating(x), exponent));
        }

        T result = T.One;
        for (int rest = (int)exponent; rest > 0; rest >>= 1)
        {
            result *= (rest & 1) == 1 ? x : T.One;
            x *= x;
        }

        return result;
    }

    private static delegate*<byte*, double> Reader(DenseRequest request, ElementType element) => element switch
    {
        ElementType.Float => &Read<float>,
        ElementType.Double => &Read<double>,
        ElementType.Float16 => &Read<Half>,
        ElementType.Int8 => &Read<sbyte>,
        ElementType.Int16 => &Read<short>,
        ElementType.Int32 => &Read<int>,
        ElementType.Int64 => &Read<long>,
        ElementType.UInt8 => &Read<byte>,
        ElementType.UInt16 => &Read<ushort>,
        ElementType.UInt32 => &Read<uint>,
        ElementType.UInt64 => &Read<ulong>,
        _ => throw request.Refusal($"its exponent is {element.OnnxName()}."),
    };

    private static double Read<T>(byte* at)
        where T : unmanaged, INumber<T> => double.CreateTruncating(*(T*)at);
}
