using System.Runtime.InteropServices;
using Halftone.Onnx;

namespace Halftone.Data;

/// <summary>Brings values to a model's element type.</summary>
internal static class ElementCast
{
    /// <summary>What happens to a value that an integer type does not hold.</summary>
    public enum Rounding
    {
        /// <summary>Refused: ids and codes mean themselves.</summary>
        Exact,

        /// <summary>Nearest, ties to even, clamped: pixels.</summary>
        NearestClamped,
    }

    /// <summary>Floats as a tensor of a type.</summary>
    /// <exception cref="DataException">The type does not hold them.</exception>
    public static Tensor FromFloats(float[] values, ElementType type, ReadOnlySpan<long> dims, Rounding rounding, string what) => type switch
    {
        ElementType.Float => new Tensor(type, dims, MemoryMarshal.AsBytes<float>(values).ToArray()),
        ElementType.Double => Tensor.Of(Array.ConvertAll(values, v => (double)v), dims),
        ElementType.Float16 => Tensor.Of(Array.ConvertAll(values, v => (Half)v), dims),
        ElementType.BFloat16 => new Tensor(type, dims, MemoryMarshal.AsBytes<ushort>(Array.ConvertAll(values, BFloat16)).ToArray()),
        _ => FromInt64s(Array.ConvertAll(values, v => Whole(v, type, rounding, what)), type, dims, what),
    };

    /// <summary>A tensor in another type: integers exactly, between floats by rounding.</summary>
    /// <exception cref="DataException">A value does not fit.</exception>
    public static Tensor To(Tensor tensor, ElementType type, string what)
    {
        if (tensor.Type == type)
        {
            return tensor;
        }

        bool integers = tensor.Type is not (ElementType.Float or ElementType.Double or ElementType.Float16 or ElementType.BFloat16);
        return integers && type is not (ElementType.Float or ElementType.Double or ElementType.Float16 or ElementType.BFloat16)
            ? FromInt64s(tensor.ToInt64s(), type, tensor.Dims.AsSpan(), what)
            : FromFloats(tensor.ToFloats(), type, tensor.Dims.AsSpan(), Rounding.Exact, what);
    }

    /// <summary>Integers as a tensor of an integer type.</summary>
    /// <exception cref="DataException">One does not fit.</exception>
    public static Tensor FromInt64s(long[] values, ElementType type, ReadOnlySpan<long> dims, string what)
    {
        (long low, long high) = Range(type, what);
        foreach (long value in values)
        {
            if (value < low || value > high)
            {
                throw new DataException($"{what} holds {value}, which the model's {type.OnnxName()} cannot.");
            }
        }

        return type switch
        {
            ElementType.UInt8 => Tensor.Of(Array.ConvertAll(values, v => (byte)v), dims),
            ElementType.Int8 => Tensor.Of(Array.ConvertAll(values, v => (sbyte)v), dims),
            ElementType.UInt16 => Tensor.Of(Array.ConvertAll(values, v => (ushort)v), dims),
            ElementType.Int16 => Tensor.Of(Array.ConvertAll(values, v => (short)v), dims),
            ElementType.Int32 => Tensor.Of(Array.ConvertAll(values, v => (int)v), dims),
            ElementType.UInt32 => Tensor.Of(Array.ConvertAll(values, v => (uint)v), dims),
            ElementType.UInt64 => Tensor.Of(Array.ConvertAll(values, v => (ulong)v), dims),
            ElementType.Bool => Tensor.Of(Array.ConvertAll(values, v => v != 0), dims),
            _ => Tensor.Of(values, dims),
        };
    }

    private static (long Low, long High) Range(ElementType type, string what) => type switch
    {
        ElementType.UInt8 => (0, byte.MaxValue),
        ElementType.Int8 => (sbyte.MinValue, sbyte.MaxValue),
        ElementType.UInt16 => (0, ushort.MaxValue),
        ElementType.Int16 => (short.MinValue, short.MaxValue),
        ElementType.Int32 => (int.MinValue, int.MaxValue),
        ElementType.UInt32 => (0, uint.MaxValue),
        ElementType.Int64 => (long.MinValue, long.MaxValue),
        ElementType.UInt64 => (0, long.MaxValue),
        ElementType.Bool => (0, 1),
        _ => throw new DataException($"{what} is {type.OnnxName()}, which no data set gives."),
    };

    private static long Whole(float value, ElementType type, Rounding rounding, string what)
    {
        if (rounding == Rounding.Exact)
        {
            return MathF.Floor(value) == value && MathF.Abs(value) < 1L << 62
                ? (long)value
                : throw new DataException($"{what} holds {value}, but the model takes {type.OnnxName()}; give integers.");
        }

        (long low, long high) = Range(type, what);
        return (long)Math.Clamp(Math.Round((double)value, MidpointRounding.ToEven), low, high);
    }

    private static ushort BFloat16(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        return (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16); // nearest, ties to even; the data is finite
    }
}
