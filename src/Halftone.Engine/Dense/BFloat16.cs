namespace Halftone.Engine.Dense;

/// <summary>The upper half of a 32-bit float.</summary>
/// <param name="Bits">Its bits.</param>
internal readonly record struct BFloat16(ushort Bits)
{
    /// <summary>The nearest one, ties to even; what is no number stays none.</summary>
    public BFloat16(float value)
        : this(Round(BitConverter.SingleToUInt32Bits(value)))
    {
    }

    /// <summary>The same number.</summary>
    public float Value => BitConverter.UInt32BitsToSingle((uint)Bits << 16);

    private static ushort Round(uint bits) =>
        (bits & 0x7FFFFFFF) > 0x7F800000 ? (ushort)((bits >> 16) | 0x40) : (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
}
