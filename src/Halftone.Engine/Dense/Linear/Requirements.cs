using System.Collections.Immutable;
using Halftone.Onnx;

namespace Halftone.Engine.Dense.Linear;

/// <summary>What making an operator ready checks: element types, lengths, sizes.</summary>
internal static class Requirements
{
    /// <summary>Refuses the node unless something holds.</summary>
    public static void Require(this DenseRequest request, bool holds, string why)
    {
        if (!holds)
        {
            throw request.Refusal(why);
        }
    }

    /// <summary>Type of an input, which must be of one of these elements.</summary>
    public static TensorType Input(this DenseRequest request, int input, params ReadOnlySpan<ElementType> elements)
    {
        TensorType type = request.Input(input);
        request.Require(elements.Contains(type.Element), $"its input {input} holds {type.Element.OnnxName()}, which it does not compute with.");
        request.Require(type.Element.ByteCount(Count(request, type.Dims.AsSpan())) < Lengths.MostBytes, $"its input {input}, {type}, takes a gigabyte or more.");
        return type;
    }

    /// <summary>Type of an input of 32-bit floats.</summary>
    public static TensorType Floats(this DenseRequest request, int input) => request.Input(input, ElementType.Float);

    /// <summary>Type of an input of 8-bit integers.</summary>
    public static TensorType Codes(this DenseRequest request, int input) => request.Input(input, ElementType.UInt8, ElementType.Int8);

    /// <summary>Type of an input that must have these lengths.</summary>
    public static TensorType Shaped(this DenseRequest request, int input, ElementType element, params ReadOnlySpan<int> dims)
    {
        TensorType type = request.Input(input, element);
        request.Require(type.Dims.AsSpan().SequenceEqual(dims), $"its input {input} is {type}; [{string.Join(",", dims.ToArray())}] is needed.");
        return type;
    }

    /// <summary>Checks an input of one element: a scale or a zero point.</summary>
    public static void Single(this DenseRequest request, int input, ElementType element)
    {
        TensorType type = request.Input(input, element);
        request.Require(type.Count == 1, $"its input {input} is {type}; one element is needed.");
    }

    /// <summary>Checks the scale and, where it is there, the zero point of a tensor: one element each.</summary>
    public static void Quantization(this DenseRequest request, int scale, int zeroPoint, ElementType codes)
    {
        request.Single(scale, ElementType.Float);
        if (request.Has(zeroPoint))
        {
            request.Single(zeroPoint, codes);
        }
    }

    /// <summary>An output type, small enough.</summary>
    public static TensorType Output(this DenseRequest request, ElementType element, ReadOnlySpan<int> dims)
    {
        request.Require(element.ByteCount(Count(request, dims)) < Lengths.MostBytes, $"its output [{string.Join(",", dims.ToArray())}] takes a gigabyte or more.");
        return new TensorType(element, [.. dims]);
    }

    /// <summary>Number of elements, checked.</summary>
    public static int Count(this DenseRequest request, ReadOnlySpan<int> dims)
    {
        long count = 1;
        foreach (int length in dims)
        {
            request.Require(length >= 0, $"a length of [{string.Join(",", dims.ToArray())}] is negative.");
            count *= length;
            request.Require(count < Lengths.MostBytes, $"[{string.Join(",", dims.ToArray())}] are too many elements.");
        }

        return (int)count;
    }

    /// <summary>Scratch bytes, small enough.</summary>
    public static int Scratch(this DenseRequest request, long bytes)
    {
        request.Require(bytes < Lengths.MostBytes, $"it needs {bytes} bytes of scratch memory.");
        return (int)bytes;
    }

    /// <summary>Product of lengths that were checked.</summary>
    public static int Product(ReadOnlySpan<int> dims)
    {
        int product = 1;
        foreach (int length in dims)
        {
            product *= length;
        }

        return product;
    }

    /// <summary>A list of integers for an attribute: the attribute, or as many of the default.</summary>
    public static long[] Ints(this DenseRequest request, string attribute, int count, long missing)
    {
        long[] values = request.Node.Ints(attribute) ?? [.. Enumerable.Repeat(missing, count)];
        request.Require(values.Length == count, $"its attribute {attribute} has {values.Length} entries; {count} are needed.");
        return values;
    }
}
