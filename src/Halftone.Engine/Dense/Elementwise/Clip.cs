using System.Numerics;
using System.Numerics.Tensors;

namespace Halftone.Engine.Dense.Elementwise;

/// <summary>Clip: y = min(max(x, least), most); the bounds are attributes before operator set 11, then inputs.</summary>
internal static unsafe class Clip
{
    /// <summary>The list.</summary>
    public static IEnumerable<(string Op, Func<DenseRequest, DensePlan> Ready)> List => [("Clip", r => NumberTypes.Plan<Typed>(r))];

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
        const int Block = 2048; // stays in the nearest cache from one bound to the other
        for (int at = 0; at < x.Length; at += Block)
        {
            ReadOnlySpan<T> from = x.Slice(at, Math.Min(Block, x.Length - at));
            Span<T> to = y.Slice(at, from.Length);
            if (least is { } low)
            {
                TensorPrimitives.Max(from, low, to);
            }
            else
            {
                from.CopyTo(to);
            }

            if (most is { } high)
            {
                TensorPrimitives.Min(to, high, to);
            }
        }
    }

    private readonly struct Typed : INumberPlan
    {
        public DensePlan Plan<T>(DenseRequest request)
            where T : unmanaged, INumber<T> => Clip.Plan<T>(request);
    }
}
