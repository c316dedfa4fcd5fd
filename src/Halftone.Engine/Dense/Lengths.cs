using Halftone.Onnx;

namespace Halftone.Engine.Dense;

/// <summary>What making a node ready checks of axes and lengths.</summary>
internal static class Lengths
{
    /// <summary>No value takes more bytes, so that offsets fit 32 bits with room to spare.</summary>
    public const long MostBytes = int.MaxValue / 2;

    /// <summary>The type of a value of these lengths.</summary>
    /// <exception cref="ModelException">A length is negative, the value too large, or its elements are not of whole bytes.</exception>
    public static TensorType Type(this DenseRequest request, ElementType element, params ReadOnlySpan<long> dims)
    {
        if (element.Bits() is not (8 or 16 or 32 or 64))
        {
            throw request.Refusal($"it does not compute with {element.OnnxName()}.");
        }

        return Fit(element, dims)
            ? new TensorType(element, [.. dims.ToArray().Select(d => (int)d)])
            : throw request.Refusal($"no {element.OnnxName()} value has lengths [{string.Join(",", dims.ToArray())}] here, or it is too large.");
    }

    /// <summary>Whether a value of these lengths takes no more than <see cref="MostBytes"/>; no length is negative.</summary>
    public static bool Fit(ElementType element, params ReadOnlySpan<long> dims)
    {
        // Int128, since a length of 0 may stand behind those that overflow
        Int128 bytes = Math.Max(element.Bits() / 8, 1);
        foreach (long length in dims)
        {
            if (length is < 0 or > MostBytes || (bytes *= Math.Max(length, 1)) > MostBytes)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>The type of a value as large as another.</summary>
    public static TensorType Type(this DenseRequest request, ElementType element, IEnumerable<int> dims) => request.Type(element, [.. dims.Select(d => (long)d)]);

    /// <summary>An axis counted from the front.</summary>
    /// <exception cref="ModelException">There is no such axis.</exception>
    public static int Axis(this DenseRequest request, long axis, int rank) =>
        axis >= -rank && axis < rank ? (int)(axis < 0 ? axis + rank : axis) : throw request.Refusal($"axis {axis} is not one of the {rank}.");

    /// <summary>Axes counted from the front, each once.</summary>
    /// <exception cref="ModelException">There is no such axis, or one is named twice.</exception>
    public static int[] Axes(this DenseRequest request, IEnumerable<long> axes, int rank)
    {
        int[] all = [.. axes.Select(a => request.Axis(a, rank))];
        return all.Distinct().Count() == all.Length ? all : throw request.Refusal($"axes [{string.Join(",", all)}] name one twice.");
    }

    /// <summary>An input of integers that must be known before any run: a shape, axes, pads.</summary>
    public static long[] Integers(this DenseRequest request, int input)
    {
        Tensor known = request.Known(input);
        return known.Type is ElementType.Int64 or ElementType.Int32
            ? known.ToInt64s()
            : throw request.Refusal($"its input {input} should be integers, not {known.Type.OnnxName()}.");
    }

    /// <summary>The integers of an input, or of the attribute that older operator sets have in its place; null where neither is there.</summary>
    public static long[]? Integers(this DenseRequest request, int input, string attribute) =>
        request.Has(input) ? request.Integers(input) : request.Node.Ints(attribute);

    /// <summary>Number of elements of some axes.</summary>
    public static long Product(IEnumerable<int> dims) => dims.Aggregate(1L, (a, b) => a * b);

    /// <summary>Elements from an index to the next, of every axis.</summary>
    public static long[] Strides(IReadOnlyList<int> dims)
    {
        var strides = new long[dims.Count];
        long stride = 1;
        for (int i = dims.Count - 1; i >= 0; i--)
        {
            strides[i] = stride;
            stride *= dims[i];
        }

        return strides;
    }
}
