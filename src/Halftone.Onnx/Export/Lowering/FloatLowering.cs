using Halftone.Formats;
using Halftone.Numerics;

namespace Halftone.Onnx.Export.Lowering;

/// <summary>Small floats: Cast from the ONNX type that holds just these numbers, else a table of all of them, and a Mul for the exponents of blocks.</summary>
internal static class FloatLowering
{
    private const int EightBitOpset = 19;
    private const int TableBits = 8; // up to here a table of all numbers is smaller than the next type up

    /// <summary>The restored value.</summary>
    public static string Value(NodeWriter writer, FloatTensor floats)
    {
        string numbers = Numbers(writer, floats);
        if (floats.Exponents.IsEmpty)
        {
            return numbers;
        }

        // powers of two down to 2^-127, a subnormal: the product is rounded once, as Dequantize rounds it
        float[] powers = [.. floats.Exponents.Select(e => (float)Math.ScaleB(1.0, e))];
        return writer.Node("Mul", numbers, writer.Spread("power", powers, floats.Shape, floats.Granularity));
    }

    /// <summary>The type that stores the codes.</summary>
    public static string Describe(FloatTensor floats, int opset)
    {
        string exponents = floats.Exponents.IsEmpty ? "" : $", exponents of {floats.Exponents.Length} blocks as floats";
        return (Direct(floats.Type, opset) is { } type ? type.OnnxName()
            : floats.Type.Bits <= TableBits ? $"{floats.Type} by a table of {1 << floats.Type.Bits} numbers, codes stored as {LookupLowering.IndexType((1 << floats.Type.Bits) - 1, opset).OnnxName()}"
            : $"{floats.Type} stored as {Wider(Decoded(floats)).Type.OnnxName()}, the next type up") + exponents;
    }

    private static string Numbers(NodeWriter writer, FloatTensor floats)
    {
        long[] dims = NodeWriter.Dims(floats);
        int[] codes = [.. Enumerable.Range(0, floats.Count).Select(floats.Code)];
        if (Direct(floats.Type, writer.Opset) is { } type)
        {
            return writer.Cast(writer.Constant(type.OnnxName(), new Tensor(type, dims, BitPacking.Pack(codes, floats.Type.Bits))), ElementType.Float);
        }

        if (floats.Type.Bits <= TableBits)
        {
            return LookupLowering.Value(writer, [.. Enumerable.Range(0, 1 << floats.Type.Bits).Select(floats.Type.Decode)], codes, dims);
        }

        Tensor stored = Wider(Decoded(floats)).Reshape(dims);
        string name = writer.Constant(stored.Type.OnnxName(), stored);
        return stored.Type is ElementType.Float ? name : writer.Cast(name, ElementType.Float);
    }

    private static ElementType? Direct(SmallFloat type, int opset) =>
        type == SmallFloat.Float16 ? ElementType.Float16
        : type == SmallFloat.BFloat16 ? ElementType.BFloat16
        : opset < EightBitOpset ? null
        : type == SmallFloat.Float8E4M3FN ? ElementType.Float8E4M3FN
        : type == SmallFloat.Float8E5M2 ? ElementType.Float8E5M2
        : null;

    private static float[] Decoded(FloatTensor floats) => [.. Enumerable.Range(0, floats.Count).Select(i => floats.Type.Decode(floats.Code(i)))];

    /// <summary>The numbers in the least of float16, bfloat16 and float that holds each of them.</summary>
    private static Tensor Wider(float[] values)
    {
        foreach ((SmallFloat small, ElementType type) in (ReadOnlySpan<(SmallFloat, ElementType)>)[(SmallFloat.Float16, ElementType.Float16), (SmallFloat.BFloat16, ElementType.BFloat16)])
        {
            if (values.All(v => small.Round(v, saturate: false).Equals(v)))
            {
                return new Tensor(type, [values.Length], BitPacking.Pack([.. values.Select(v => small.Encode(v, saturate: false))], 16));
            }
        }

        return Tensor.Of(values, values.Length);
    }
}
