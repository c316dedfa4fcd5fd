using Halftone.Onnx;

namespace Halftone.Engine.Dense.Movement;

/// <summary>Trilu: the upper or lower triangle of the last two axes, 0 elsewhere.</summary>
internal static unsafe class Triangles
{
    /// <summary>The list.</summary>
    public static IEnumerable<(string Op, Func<DenseRequest, DensePlan> Ready)> List => [("Trilu", Trilu)];

    private static DensePlan Trilu(DenseRequest request)
    {
        TensorType x = request.Input(0);
        long shift = request.Has(1) ? request.Integers(1) is [var k] ? k : throw request.Refusal("its k is no scalar.") : 0;
        bool upper = request.Node.Int("upper", 1) != 0;
        TensorType y = request.Type(x.Element, x.Dims);
        if (x.Rank < 2)
        {
            throw request.Refusal($"{x} has no last two axes.");
        }

        (int height, int width) = (x.Dims[^2], x.Dims[^1]);
        int size = x.Element.Bits() / 8;
        long rows = width == 0 ? 0 : x.Count / width;

        // the shift beyond either edge changes nothing more
        int diagonal = (int)Math.Clamp(shift, -height, width);
        return new DensePlan([y], (inputs, outputs, _, part, parts) =>
        {
            for (long row = rows * part / parts; row < rows * (part + 1) / parts; row++)
            {
                // upper keeps columns from the diagonal on, lower those up to it
                int split = (int)Math.Clamp((row % height) + diagonal + (upper ? 0 : 1), 0, width);
                ReadOnlySpan<byte> from = new(inputs[0] + (row * width * size), width * size);
                Span<byte> to = new(outputs[0] + (row * width * size), width * size);
                (int first, int end) = upper ? (split, width) : (0, split);
                to.Clear();
                from[(first * size)..(end * size)].CopyTo(to[(first * size)..]);
            }
        })
        {
            MostParts = (int)Math.Clamp(Math.Min(rows, y.Bytes / 4096), 1, 1024),
        };
    }
}
