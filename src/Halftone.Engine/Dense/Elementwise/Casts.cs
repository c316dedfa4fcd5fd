using System.Numerics;
using System.Numerics.Tensors;
using Halftone.Onnx;

namespace Halftone.Engine.Dense.Elementwise;

/// <summary>Cast and CastLike. Floats lose their fraction on the way to integers and saturate; integers keep their low bits; bool is whether a number is not 0.</summary>
internal static unsafe class Casts
{
    private delegate void Row(byte* from, byte* to, int count);

    /// <summary>The list.</summary>
    public static IEnumerable<(string Op, Func<DenseRequest, DensePlan> Ready)> List =>
    [
        ("Cast", r => Plan(r, (ElementType)r.Node.Int("to", 0))),
        ("CastLike", r => Plan(r, r.Input(1).Element)),
    ];

    private static DensePlan Plan(DenseRequest request, ElementType to)
    {
        TensorType x = request.Input(0);
        TensorType y = request.Type(to, x.Dims);
        if (x.Element == to)
        {
            return Movement.Copies.Whole(y);
        }

        Row row = RowOf(x.Element, to) ?? throw request.Refusal($"it does not turn {x.Element.OnnxName()} into {to.OnnxName()}.");
        (int xSize, int ySize) = (x.Element.Bits() / 8, to.Bits() / 8);
        return new DensePlan([y], (inputs, outputs, _, part, parts) =>
        {
            (long begin, long end) = Parts.Range(y.Count, part, parts);
            row(inputs[0] + (begin * xSize), outputs[0] + (begin * ySize), (int)(end - begin));
        })
        {
            MostParts = Parts.Most(y.Count),
        };
    }

    private static Row? RowOf(ElementType from, ElementType to) => from switch
    {
        ElementType.Float => From<float>(to),
        ElementType.Double => From<double>(to),
        ElementType.Float16 => From<Half>(to),
        ElementType.Int8 => From<sbyte>(to),
        ElementType.Int16 => From<short>(to),
        ElementType.Int32 => From<int>(to),
        ElementType.Int64 => From<long>(to),
        ElementType.UInt8 or ElementType.Bool => From<byte>(to),
        ElementType.UInt16 => From<ushort>(to),
        ElementType.UInt32 => From<uint>(to),
        ElementType.UInt64 => From<ulong>(to),
        ElementType.BFloat16 => FromBFloat16(to),
        _ => null,
    };

    private static Row? From<T>(ElementType to)
        where T : unmanaged, INumber<T> => to switch
        {
            ElementType.Float => Numbers<T, float>,
            ElementType.Double => Numbers<T, double>,
            ElementType.Float16 => Numbers<T, Half>,
            ElementType.Int8 => Numbers<T, sbyte>,
            ElementType.Int16 => Numbers<T, short>,
            ElementType.Int32 => Numbers<T, int>,
            ElementType.Int64 => Numbers<T, long>,
            ElementType.UInt8 => Numbers<T, byte>,
            ElementType.UInt16 => Numbers<T, ushort>,
            ElementType.UInt32 => Numbers<T, uint>,
            ElementType.UInt64 => Numbers<T, ulong>,
            ElementType.Bool => ToBool<T>,
            ElementType.BFloat16 => ToBFloat16<T>,
            _ => null,
        };

    private static void Numbers<TFrom, TTo>(byte* from, byte* to, int count)
        where TFrom : unmanaged, INumber<TFrom>
        where TTo : unmanaged, INumber<TTo> =>
        TensorPrimitives.ConvertTruncating(new ReadOnlySpan<TFrom>(from, count), new Span<TTo>(to, count));

    private static void ToBool<T>(byte* from, byte* to, int count)
        where T : unmanaged, INumber<T>
    {
        for (int i = 0; i < count; i++)
        {
            to[i] = (byte)(T.IsZero(((T*)from)[i]) ? 0 : 1);
        }
    }

    private static void ToBFloat16<T>(byte* from, byte* to, int count)
        where T : unmanaged, INumber<T>
    {
        for (int i = 0; i < count; i++)
        {
            ((BFloat16*)to)[i] = new BFloat16(float.CreateTruncating(((T*)from)[i]));
        }
    }

    // through floats, a stack's worth at a time
    private static Row? FromBFloat16(ElementType to) => From<float>(to) is not { } row ? null : (from, target, count) =>
    {
        const int Chunk = 256;
        float* floats = stackalloc float[Chunk];
        int size = to.Bits() / 8;
        for (int done = 0; done < count; done += Chunk)
        {
            int length = Math.Min(Chunk, count - done);
            for (int i = 0; i < length; i++)
            {
                floats[i] = ((BFloat16*)from)[done + i].Value;
            }

            row((byte*)floats, target + (done * size), length);
        }
    };
}
