using System.Runtime.InteropServices;

namespace Halftone.Onnx.Operators;

/// <summary>Between the packed bytes of a tensor and plain numbers, for the quantization operators.</summary>
internal static class Elements
{
    /// <summary>Every element, exactly.</summary>
    public static double[] Numbers(Tensor tensor)
    {
        var numbers = new double[tensor.Count];
        if (tensor.Type.IsSmallFloat() || tensor.Type is ElementType.Float8E8M0)
        {
            ReadOnlySpan<byte> bytes = tensor.Bytes;
            for (int i = 0; i < numbers.Length; i++)
            {
                byte code = tensor.Type.Bits() == 4 ? (byte)((bytes[i >> 1] >> ((i & 1) * 4)) & 15) : bytes[i];
                numbers[i] = SmallFloats.Decode(tensor.Type, code);
            }
        }
        else if (tensor.Type is ElementType.Float or ElementType.Float16 or ElementType.BFloat16)
        {
            float[] floats = tensor.ToFloats();
            for (int i = 0; i < numbers.Length; i++)
            {
                numbers[i] = floats[i];
            }
        }
        else
        {
            long[] integers = tensor.ToInt64s();
            for (int i = 0; i < numbers.Length; i++)
            {
                numbers[i] = integers[i];
            }
        }

        return numbers;
    }

    /// <summary>A tensor of 2- to 16-bit codes, packed low bits first; the spare bits of the last byte are 0.</summary>
    public static Tensor Pack(ElementType type, ReadOnlySpan<long> dims, ReadOnlySpan<int> codes)
    {
        int bits = type.Bits();
        var bytes = new byte[type.ByteCount(codes.Length)];
        if (bits == 16)
        {
            Span<ushort> words = MemoryMarshal.Cast<byte, ushort>(bytes.AsSpan());
            for (int i = 0; i < codes.Length; i++)
            {
                words[i] = unchecked((ushort)codes[i]);
            }

            return new Tensor(type, dims, bytes);
        }

        int perByte = 8 / bits;
        int mask = (1 << bits) - 1;
        for (int i = 0; i < codes.Length; i++)
        {
            bytes[i / perByte] |= (byte)((codes[i] & mask) << (i % perByte * bits));
        }

        return new Tensor(type, dims, bytes);
    }

    /// <summary>A tensor of float, float16 or bfloat16; each value is rounded to it.</summary>
    public static Tensor OfFloats(ElementType type, ReadOnlySpan<long> dims, float[] values) => type switch
    {
        ElementType.Float => Tensor.Of(values, dims),
        ElementType.Float16 => Tensor.Of(Array.ConvertAll(values, v => (Half)v), dims),
        ElementType.BFloat16 => new Tensor(type, dims, MemoryMarshal.AsBytes<ushort>(
            Array.ConvertAll(values, v => (ushort)(BitConverter.SingleToUInt32Bits(SmallFloats.ToBFloat16(v)) >> 16))).ToArray()),
        _ => throw new ArgumentException($"{type.OnnxName()} is no type that DequantizeLinear makes."),
    };

    /// <summary>The nearest value of float, float16 or bfloat16.</summary>
    public static double Round(ElementType type, double value) => type switch
    {
        ElementType.Float => (float)value,
        ElementType.Float16 => (double)(Half)value,
        ElementType.BFloat16 => SmallFloats.ToBFloat16((float)value),
        _ => throw new ArgumentException($"{type.OnnxName()} is no precision to divide in: float, float16 and bfloat16 are."),
    };

    /// <summary>Lowest and highest code of an integer type that QuantizeLinear makes.</summary>
    public static (int Min, int Max) Range(ElementType type) => type switch
    {
        ElementType.UInt2 => (0, 3),
        ElementType.Int2 => (-2, 1),
        ElementType.UInt4 => (0, 15),
        ElementType.Int4 => (-8, 7),
        ElementType.UInt8 => (0, 255),
        ElementType.Int8 => (-128, 127),
        ElementType.UInt16 => (0, 65535),
        ElementType.Int16 => (-32768, 32767),
        _ => throw new ArgumentException($"{type.OnnxName()} is no type that QuantizeLinear makes."),
    };
}
