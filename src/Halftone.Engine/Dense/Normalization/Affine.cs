using Halftone.Engine.Dense.Linear;
using Halftone.Onnx;

namespace Halftone.Engine.Dense.Normalization;

/// <summary>A scale or bias of a normalization, broadcast to the input.</summary>
/// <param name="Input">Which input; -1 for none.</param>
/// <param name="Repeats">Elements of a line: index i takes element Map[i]; null for i itself.</param>
/// <param name="LineOffset">Where the elements of a line begin; null for 0 in all.</param>
internal sealed unsafe record Affine(int Input, int[]? Repeats, int[]? LineOffset)
{
    /// <summary>No such operand.</summary>
    public static Affine None { get; } = new(-1, null, null);

    /// <summary>One element for each of a line.</summary>
    public static Affine Whole(TensorType type, int input) => type.Rank == 1 ? new Affine(input, null, null) : throw new ModelException($"{type} is no vector.");

    /// <summary>An operand that numpy's rules broadcast to x, lines of which begin at an axis.</summary>
    public static Affine Of(DenseRequest request, int input, TensorType x, int axis)
    {
        TensorType type = request.Floats(input);
        int[] dims = [.. Enumerable.Repeat(1, Math.Max(0, x.Rank - type.Rank)), .. type.Dims];
        bool fits = dims.Length == x.Rank && dims.Zip(x.Dims, (d, l) => d == 1 || d == l).All(f => f);
        request.Require(fits, $"its input {input}, {type}, does not broadcast to {x}.");
        if (dims.AsSpan()[axis..].SequenceEqual(x.Dims.AsSpan()[axis..]) && dims.Take(axis).All(d => d == 1))
        {
            return new Affine(input, null, null);
        }

        int inner = Requirements.Product(dims.AsSpan()[axis..]);
        return new Affine(input, Map(dims[axis..], [.. x.Dims[axis..]], 1), Map(dims[..axis], [.. x.Dims[..axis]], inner));
    }

    /// <summary>The elements of a line.</summary>
    public float* At(byte** inputs, int line, int length) => Input < 0 || length == 0 ? null : (float*)inputs[Input] + (LineOffset?[line] ?? 0);

    /// <summary>Which of them an element takes.</summary>
    public int Index(int element) => Repeats is null ? element : Repeats[element];

    private static int[] Map(int[] dims, int[] full, int unit)
    {
        var map = new int[Requirements.Product(full)];
        for (int i = 0; i < map.Length; i++)
        {
            int rest = i;
            int stride = unit;
            for (int axis = full.Length - 1; axis >= 0; axis--)
            {
                map[i] += dims[axis] == 1 ? 0 : rest % full[axis] * stride;
                rest /= full[axis];
                stride *= dims[axis];
            }
        }

        return map;
    }
}
