namespace Halftone.Numerics;

/// <summary>The integer codes that a value may take: all of Min..Max, kept in <see cref="Bits"/> bits.</summary>
/// <remarks>Min..Max may be narrower than the type: symmetric weights leave the lowest code out, "reduce range" uses 7 of 8 bits.</remarks>
public readonly record struct IntegerGrid
{
    /// <summary>A grid over the whole of a type.</summary>
    /// <param name="bits">1 to 16.</param>
    /// <param name="signed">Two's complement, or from zero.</param>
    /// <exception cref="ArgumentOutOfRangeException">Bits outside 1..16.</exception>
    public IntegerGrid(int bits, bool signed)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bits, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bits, 16);
        Bits = bits;
        Signed = signed;
        Min = TypeMin;
        Max = TypeMax;
    }

    /// <summary>-128..127.</summary>
    public static IntegerGrid Int8 { get; } = new(8, signed: true);

    /// <summary>0..255.</summary>
    public static IntegerGrid UInt8 { get; } = new(8, signed: false);

    /// <summary>Bits a code takes in storage, 1 to 16.</summary>
    public int Bits { get; }

    /// <summary>Whether codes are two's complement.</summary>
    public bool Signed { get; }

    /// <summary>The lowest code in use.</summary>
    public int Min { get; private init; }

    /// <summary>The highest code in use.</summary>
    public int Max { get; private init; }

    /// <summary>Number of codes in use.</summary>
    public int Levels => Max - Min + 1;

    /// <summary>The lowest code of the type.</summary>
    public int TypeMin => Signed ? -(1 << (Bits - 1)) : 0;

    /// <summary>The highest code of the type.</summary>
    public int TypeMax => Signed ? (1 << (Bits - 1)) - 1 : (1 << Bits) - 1;

    /// <summary>The same type with fewer codes in use.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Codes outside the type, or none.</exception>
    public IntegerGrid Within(int min, int max)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(min, TypeMin);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(max, TypeMax);
        ArgumentOutOfRangeException.ThrowIfLessThan(max, min);
        return this with { Min = min, Max = max };
    }

    /// <summary>Restricted range: without the lowest code of a signed type, so that it is symmetric about 0 (2 bits and up).</summary>
    public IntegerGrid Narrow => Signed && Bits > 1 ? Within(-TypeMax, TypeMax) : this;

    /// <summary>One bit less of the range: int8 -64..63, uint8 0..127 (PyTorch's reduce_range).</summary>
    public IntegerGrid Reduced => Signed ? Within(TypeMin / 2, TypeMax / 2) : Within(0, TypeMax / 2);

    /// <summary>As ONNX names it: int8, uint4, ...</summary>
    public override string ToString() => $"{(Signed ? "int" : "uint")}{Bits}" + (Min == TypeMin && Max == TypeMax ? "" : $"[{Min},{Max}]");
}
