using Halftone.Engine.Dense.Linear;

namespace Halftone.Engine.Dense.Normalization;

/// <summary>Lines of a tensor along an axis: Outer x Inner of them, Length elements that lie Inner apart.</summary>
internal readonly record struct Lines(int Outer, int Length, int Inner)
{
    /// <summary>How many.</summary>
    public int Count => Outer * Inner;

    /// <summary>Along one axis.</summary>
    public static Lines Along(DenseRequest request, TensorType x, long axis)
    {
        int at = request.Axis(axis, x.Rank);
        return new Lines(Requirements.Product(x.Dims.AsSpan()[..at]), x.Dims[at], Requirements.Product(x.Dims.AsSpan()[(at + 1)..]));
    }

    /// <summary>Along an axis and all that follow.</summary>
    public static Lines From(TensorType x, int axis) =>
        new(Requirements.Product(x.Dims.AsSpan()[..axis]), Requirements.Product(x.Dims.AsSpan()[axis..]), 1);

    /// <summary>Softmax's: along one axis from opset 13 on, before that along all from one on.</summary>
    public static Lines OfSoftmax(DenseRequest request, TensorType x, int opset)
    {
        if (opset >= 13)
        {
            return Along(request, x, request.Node.Int("axis", -1));
        }

        long axis = request.Node.Int("axis", 1);
        return From(x, axis == x.Rank ? x.Rank : request.Axis(axis, x.Rank));
    }

    /// <summary>Where a line begins.</summary>
    public int Start(int line) => (line / Inner * Length * Inner) + (line % Inner);
}
