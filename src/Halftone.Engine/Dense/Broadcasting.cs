using Halftone.Onnx;

namespace Halftone.Engine.Dense;

/// <summary>Lengths of operands that are combined element by element.</summary>
internal static class Broadcasting
{
    /// <summary>The type of operands broadcast together, as numpy does: axes count from the last, and a length of 1 goes with any.</summary>
    /// <exception cref="ModelException">The lengths do not go together.</exception>
    public static TensorType Broadcast(this DenseRequest request, ElementType element, params IReadOnlyList<int>[] operands)
    {
        var dims = new long[operands.Max(o => o.Count)];
        Array.Fill(dims, 1);
        foreach (IReadOnlyList<int> operand in operands)
        {
            int lead = dims.Length - operand.Count;
            for (int i = 0; i < operand.Count; i++)
            {
                long length = dims[lead + i];
                dims[lead + i] = length == 1 || length == operand[i] ? operand[i] : operand[i] == 1 ? length
                    : throw request.Refusal($"lengths {string.Join(" and ", operands.Select(o => $"[{string.Join(",", o)}]"))} do not go together.");
            }
        }

        return request.Type(element, dims);
    }

    /// <summary>Lengths of the second operand; before operator set 7, attributes say at which axis of the first it begins.</summary>
    public static IReadOnlyList<int> SecondDims(this DenseRequest request)
    {
        (TensorType a, TensorType b) = (request.Input(0), request.Input(1));
        bool slopes = request.Node.Is("PRelu") && b is { Rank: 1, Count: > 1 }; // one a channel
        if (request.Opset >= 7 || !(slopes || (request.Node.Int("broadcast", 0) != 0 && request.Node.Has("axis"))))
        {
            return b.Dims;
        }

        int axis = request.Axis(slopes ? 1 : request.Node.Int("axis", 0), a.Rank);
        return axis + b.Rank <= a.Rank ? [.. b.Dims, .. Enumerable.Repeat(1, a.Rank - axis - b.Rank)] : throw request.Refusal($"its second operand does not fit in at axis {axis}.");
    }
}
