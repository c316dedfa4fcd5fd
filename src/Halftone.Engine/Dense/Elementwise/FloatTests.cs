using System.Numerics;
using Halftone.Onnx;

namespace Halftone.Engine.Dense.Elementwise;

/// <summary>IsNaN and IsInf.</summary>
internal static unsafe class FloatTests
{
    /// <summary>The list.</summary>
    public static IEnumerable<(string Op, Func<DenseRequest, DensePlan> Ready)> List =>
    [
        ("IsNaN", r => Plan(r, nan: true, positive: false, negative: false)),
        ("IsInf", r => Plan(r, nan: false, r.Node.Int("detect_positive", 1) != 0, r.Node.Int("detect_negative", 1) != 0)),
    ];

    private static DensePlan Plan(DenseRequest request, bool nan, bool positive, bool negative) => request.Input(0).Element switch
    {
        ElementType.Float => Plan<float>(request, nan, positive, negative),
        ElementType.Double => Plan<double>(request, nan, positive, negative),
        ElementType.Float16 => Plan<Half>(request, nan, positive, negative),
        var other => throw request.Refusal($"it does not compute with {other.OnnxName()}."),
    };

    private static DensePlan Plan<T>(DenseRequest request, bool nan, bool positive, bool negative)
        where T : unmanaged, INumber<T>
    {
        TensorType y = request.Type(ElementType.Bool, request.Input(0).Dims);
        return new DensePlan([y], (inputs, outputs, _, part, parts) =>
        {
            (long from, long to) = Parts.Range(y.Count, part, parts);
            for (long i = from; i < to; i++)
            {
                T x = ((T*)inputs[0])[i];
                ((bool*)outputs[0])[i] = (nan && T.IsNaN(x)) || (positive && T.IsPositiveInfinity(x)) || (negative && T.IsNegativeInfinity(x));
            }
        })
        {
            MostParts = Parts.Most(y.Count),
        };
    }
}
