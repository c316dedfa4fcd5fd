using System.Numerics;
using Halftone.Onnx;

namespace Halftone.Engine.Dense.Elementwise;

/// <summary>Clip: y = min(max(x, least), most); the bounds are attributes before operator set 11, then inputs.</summary>
internal static unsafe class Clip
{
    /// <summary>The list.</summary>
    public static IEnumerable<(string Op, Func<DenseRequest, DensePlan> Plan)> List => [("Clip", Plan)];

    private static DensePlan Plan(DenseRequest request) => request.Input(0).Element switch
    {
        ElementType.Float => Plan<float>(request),
        ElementType.Double => Plan<double>(request),
        ElementType.Float16 => Plan<Half>(request),
        ElementType.Int8 => Plan<sbyte>(request),
        ElementType.Int16 => Plan<short>(request),
        ElementType.Int32 => Plan<int>(request),
        ElementType.Int64 => Plan<long>(request),
        ElementType.UInt8 => Plan<byte>(request),
        ElementType.UInt16 => Plan<ushort>(request),
        ElementType.UInt32 => Plan<uint>(request),
        ElementType.UInt64 => Plan<ulong>(request),
        var other => throw request.Refusal($"it does not compute with {other.OnnxName()}."),
    };

    private static DensePlan Plan<T>(DenseRequest request)
        where T : unmanaged, INumber<T>
    {
        TensorType y = request.Type(request.Input(0).Element, request.Input(0).Dims);
        bool attributes = request.Opset < 11;
        bool hasLeast = Bounded(request, 1);
        bool hasMost = Bounded(request, 2);
        T? least = attributes && request.Node.Has("min") ? T.CreateSaturating(request.Node.Float("min", 0)) : null;
        T? most = attributes && request.Node.Has("max") ? T.CreateSaturating(request.Node.Float("max", 0)) : null;
        return new DensePlan([y], (inputs, outputs, _, part, parts) =>
        {
            (long from, long to) = Parts.Range(y.Count, part, parts);
            ReadOnlySpan<T> x = new((T*)inputs[0] + from, (int)(to - from));
            Run(x, new Span<T>((T*)outputs[0] + from, x.Length), hasLeast ? *(T*)inputs[1] : least, hasMost ? *(T*)inputs[2] : most);
        })
        {
            MostParts = Parts.Most(y.Count),
        };
    }

    private static bool Bounded(DenseRequest request, int input) =>
        request.Has(input) && (request.Input(input).Count == 1 && request.Input(input).Element == request.Input(0).Element
            ? true : throw request.Refusal($"its bound {request.Input(input)} is no scalar of its input's type."));

    private static void Run<T>(ReadOnlySpan<T> x, Span<T> y, T? least, T? most)
        where T : unmanaged, INumber<T>
    {
        x.CopyTo(y);
        for (int i = 0; i < y.Length && least is not null; i++)
        {
            y[i] = y[i] < least ? least.Value : y[i];
        }

        for (int i = 0; i < y.Length && most is not null; i++)
        {
            y[i] = y[i] > most ? most.Value : y[i];
        }
    }
}
