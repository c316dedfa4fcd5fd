using System.Numerics;
using Halftone.Onnx;

namespace Halftone.Engine.Dense.Elementwise;

/// <summary>Combines the bits of two integers.</summary>
internal interface IBitPair
{
    /// <summary>One result.</summary>
    static abstract T Invoke<T>(T a, T b)
        where T : IBinaryInteger<T>;
}

/// <summary>And, Or, Xor and Not, of truth values and of bits; BitShift.</summary>
internal static unsafe class Bits
{
    /// <summary>The list.</summary>
    public static IEnumerable<(string Op, Func<DenseRequest, DensePlan> Ready)> List =>
    [
        ("And", Logic<And>),
        ("Or", Logic<Or>),
        ("Xor", Logic<Xor>),
        ("Not", r => r.Input(0).Element == ElementType.Bool ? Flipped(r, 1) : throw r.Refusal("its input is not bool.")),
        ("BitwiseAnd", Plan<And>),
        ("BitwiseOr", Plan<Or>),
        ("BitwiseXor", Plan<Xor>),
        ("BitwiseNot", r => IsInteger(r.Input(0).Element) ? Flipped(r, 255) : throw r.Refusal("its input is not of integers.")),
        ("BitShift", BitShift),
    ];

    private static DensePlan Logic<TPair>(DenseRequest request)
        where TPair : IBitPair => request.Input(0).Element == ElementType.Bool
            ? Pairs.Plan<Of<TPair, byte>, byte, byte>(request, ElementType.Bool)
            : throw request.Refusal("its inputs are not bool.");

    private static DensePlan BitShift(DenseRequest request) => (request.Node.Text("direction", ""), request.Input(0).Element) switch
    {
        (_, ElementType.Int8 or ElementType.Int16 or ElementType.Int32 or ElementType.Int64) => throw request.Refusal("it shifts unsigned integers."),
        ("LEFT", _) => Plan<Left>(request),
        ("RIGHT", _) => Plan<Right>(request),
        var (direction, _) => throw request.Refusal($"its direction '{direction}' is neither LEFT nor RIGHT."),
    };

    private static DensePlan Plan<TPair>(DenseRequest request)
        where TPair : IBitPair
    {
        ElementType element = request.Input(0).Element;
        return element switch
        {
            ElementType.Int8 => Pairs.Plan<Of<TPair, sbyte>, sbyte, sbyte>(request, element),
            ElementType.Int16 => Pairs.Plan<Of<TPair, short>, short, short>(request, element),
            ElementType.Int32 => Pairs.Plan<Of<TPair, int>, int, int>(request, element),
            ElementType.Int64 => Pairs.Plan<Of<TPair, long>, long, long>(request, element),
            ElementType.UInt8 => Pairs.Plan<Of<TPair, byte>, byte, byte>(request, element),
            ElementType.UInt16 => Pairs.Plan<Of<TPair, ushort>, ushort, ushort>(request, element),
            ElementType.UInt32 => Pairs.Plan<Of<TPair, uint>, uint, uint>(request, element),
            ElementType.UInt64 => Pairs.Plan<Of<TPair, ulong>, ulong, ulong>(request, element),
            _ => throw request.Refusal($"it does not compute with the bits of {element.OnnxName()}."),
        };
    }

    private static bool IsInteger(ElementType element) => element
        is ElementType.Int8 or ElementType.Int16 or ElementType.Int32 or ElementType.Int64
        or ElementType.UInt8 or ElementType.UInt16 or ElementType.UInt32 or ElementType.UInt64;

    private static DensePlan Flipped(DenseRequest request, byte mask)
    {
        TensorType y = request.Type(request.Input(0).Element, request.Input(0).Dims);
        return new DensePlan([y], (inputs, outputs, _, part, parts) =>
        {
            (long from, long to) = Parts.Range(y.Bytes, part, parts);
            System.Numerics.Tensors.TensorPrimitives.Xor(new ReadOnlySpan<byte>(inputs[0] + from, (int)(to - from)), mask, new Span<byte>(outputs[0] + from, (int)(to - from)));
        })
        {
            MostParts = Parts.Most(y.Bytes),
        };
    }

    private readonly struct Of<TPair, T> : IPair<T, T>
        where TPair : IBitPair
        where T : unmanaged, IBinaryInteger<T>
    {
        public static T Invoke(T a, T b) => TPair.Invoke(a, b);
    }

    private readonly struct And : IBitPair
    {
        public static T Invoke<T>(T a, T b)
            where T : IBinaryInteger<T> => a & b;
    }

    private readonly struct Or : IBitPair
    {
        public static T Invoke<T>(T a, T b)
            where T : IBinaryInteger<T> => a | b;
    }

    private readonly struct Xor : IBitPair
    {
        public static T Invoke<T>(T a, T b)
            where T : IBinaryInteger<T> => a ^ b;
    }

    // shifting by all bits or more leaves nothing
    private readonly struct Left : IBitPair
    {
        public static T Invoke<T>(T a, T b)
            where T : IBinaryInteger<T> => int.CreateSaturating(b) is var by && by >= a.GetByteCount() * 8 ? T.Zero : a << by;
    }

    private readonly struct Right : IBitPair
    {
        public static T Invoke<T>(T a, T b)
            where T : IBinaryInteger<T> => int.CreateSaturating(b) is var by && by >= a.GetByteCount() * 8 ? T.Zero : a >>> by;
    }
}
