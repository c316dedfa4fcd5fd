namespace Halftone.Engine.Dense.Linear;

/// <summary>How an operand of a product is read: as the number that is multiplied.</summary>
/// <typeparam name="T">float, or int for codes of 8 bits less their zero point.</typeparam>
internal unsafe interface IElement<T>
    where T : unmanaged
{
    /// <summary>Bytes of a stored element.</summary>
    static abstract int Bytes { get; }

    /// <summary>An element less a zero point.</summary>
    static abstract T Load(byte* data, nint index, T zero);
}

/// <summary>32-bit floats, which have no zero point.</summary>
internal readonly unsafe struct FloatElement : IElement<float>
{
    public static int Bytes => sizeof(float);

    public static float Load(byte* data, nint index, float zero) => ((float*)data)[index];
}

/// <summary>uint8.</summary>
internal readonly unsafe struct ByteElement : IElement<int>
{
    public static int Bytes => 1;

    public static int Load(byte* data, nint index, int zero) => data[index] - zero;
}

/// <summary>int8.</summary>
internal readonly unsafe struct SByteElement : IElement<int>
{
    public static int Bytes => 1;

    public static int Load(byte* data, nint index, int zero) => ((sbyte*)data)[index] - zero;
}
