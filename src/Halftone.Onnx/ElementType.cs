namespace Halftone.Onnx;

/// <summary>Element types, with ONNX's numbers.</summary>
public enum ElementType
{
    /// <summary>Not stated.</summary>
    Undefined = 0,

    /// <summary>32-bit float.</summary>
    Float = 1,

    /// <summary>8 bits unsigned.</summary>
    UInt8 = 2,

    /// <summary>8 bits signed.</summary>
    Int8 = 3,

    /// <summary>16 bits unsigned.</summary>
    UInt16 = 4,

    /// <summary>16 bits signed.</summary>
    Int16 = 5,

    /// <summary>32 bits signed.</summary>
    Int32 = 6,

    /// <summary>64 bits signed.</summary>
    Int64 = 7,

    /// <summary>Strings; kept, never computed with.</summary>
    String = 8,

    /// <summary>One byte, 0 or 1.</summary>
    Bool = 9,

    /// <summary>IEEE half.</summary>
    Float16 = 10,

    /// <summary>64-bit float.</summary>
    Double = 11,

    /// <summary>32 bits unsigned.</summary>
    UInt32 = 12,

    /// <summary>64 bits unsigned.</summary>
    UInt64 = 13,

    /// <summary>Two 32-bit floats.</summary>
    Complex64 = 14,

    /// <summary>Two 64-bit floats.</summary>
    Complex128 = 15,

    /// <summary>Upper half of a 32-bit float.</summary>
    BFloat16 = 16,

    /// <summary>8-bit float, finite, NaN.</summary>
    Float8E4M3FN = 17,

    /// <summary>8-bit float, finite, no negative zero.</summary>
    Float8E4M3FNUZ = 18,

    /// <summary>8-bit float with infinities.</summary>
    Float8E5M2 = 19,

    /// <summary>8-bit float, finite, no negative zero.</summary>
    Float8E5M2FNUZ = 20,

    /// <summary>4 bits unsigned, two a byte, low first.</summary>
    UInt4 = 21,

    /// <summary>4 bits signed, two a byte, low first.</summary>
    Int4 = 22,

    /// <summary>4-bit float.</summary>
    Float4E2M1 = 23,

    /// <summary>8-bit exponent.</summary>
    Float8E8M0 = 24,

    /// <summary>2 bits unsigned, four a byte, low first.</summary>
    UInt2 = 25,

    /// <summary>2 bits signed, four a byte, low first.</summary>
    Int2 = 26,
}

/// <summary>Sizes of element types.</summary>
public static class ElementTypes
{
    /// <summary>Bits of an element; 0 for strings and unknown types.</summary>
    public static int Bits(this ElementType type) => type switch
    {
        ElementType.UInt2 or ElementType.Int2 => 2,
        ElementType.UInt4 or ElementType.Int4 or ElementType.Float4E2M1 => 4,
        ElementType.UInt8 or ElementType.Int8 or ElementType.Bool or ElementType.Float8E4M3FN or ElementType.Float8E4M3FNUZ
            or ElementType.Float8E5M2 or ElementType.Float8E5M2FNUZ or ElementType.Float8E8M0 => 8,
        ElementType.UInt16 or ElementType.Int16 or ElementType.Float16 or ElementType.BFloat16 => 16,
        ElementType.Float or ElementType.Int32 or ElementType.UInt32 => 32,
        ElementType.Double or ElementType.Int64 or ElementType.UInt64 or ElementType.Complex64 => 64,
        ElementType.Complex128 => 128,
        _ => 0,
    };

    /// <summary>Bytes that a number of elements takes: sub-byte elements are packed, the last byte padded.</summary>
    /// <exception cref="OverflowException">More than fits 63 bits.</exception>
    public static long ByteCount(this ElementType type, long elements) => checked((elements * type.Bits()) + 7) / 8;

    /// <summary>As ONNX writes it: float, uint8, float8e4m3fn, ...</summary>
    public static string OnnxName(this ElementType type) => type.ToString().ToLowerInvariant();
}
