using System.Runtime.Intrinsics;

namespace Halftone.Engine.Kernels.Pointwise;

/// <summary>64 bytes.</summary>
internal readonly unsafe struct Bytes64(Vector512<byte> value) : IByteLanes<Bytes64>
{
    private readonly Vector512<byte> _value = value;

    public static int Count => 64;

    public static Bytes64 Load(byte* from) => new(Vector512.Load(from));

    public static Bytes64 Max(Bytes64 a, Bytes64 b) => new(Vector512.Max(a._value, b._value));

    public static Bytes64 Flip(Bytes64 a, byte mask) => new(a._value ^ Vector512.Create(mask));

    public static void Store(byte* to, Bytes64 value) => value._value.Store(to);
}

/// <summary>32 bytes.</summary>
internal readonly unsafe struct Bytes32(Vector256<byte> value) : IByteLanes<Bytes32>
{
    private readonly Vector256<byte> _value = value;

    public static int Count => 32;

    public static Bytes32 Load(byte* from) => new(Vector256.Load(from));

    public static Bytes32 Max(Bytes32 a, Bytes32 b) => new(Vector256.Max(a._value, b._value));

    public static Bytes32 Flip(Bytes32 a, byte mask) => new(a._value ^ Vector256.Create(mask));

    public static void Store(byte* to, Bytes32 value) => value._value.Store(to);
}

/// <summary>16 bytes.</summary>
internal readonly unsafe struct Bytes16(Vector128<byte> value) : IByteLanes<Bytes16>
{
    private readonly Vector128<byte> _value = value;

    public static int Count => 16;

    public static Bytes16 Load(byte* from) => new(Vector128.Load(from));

    public static Bytes16 Max(Bytes16 a, Bytes16 b) => new(Vector128.Max(a._value, b._value));

    public static Bytes16 Flip(Bytes16 a, byte mask) => new(a._value ^ Vector128.Create(mask));

    public static void Store(byte* to, Bytes16 value) => value._value.Store(to);
}

/// <summary>8 bytes, the lower half of a vector.</summary>
internal readonly unsafe struct Bytes8(Vector128<byte> value) : IByteLanes<Bytes8>
{
    private readonly Vector128<byte> _value = value;

    public static int Count => 8;

    public static Bytes8 Load(byte* from) => new(Vector128.CreateScalar(*(ulong*)from).AsByte());

    public static Bytes8 Max(Bytes8 a, Bytes8 b) => new(Vector128.Max(a._value, b._value));

    public static Bytes8 Flip(Bytes8 a, byte mask) => new(a._value ^ Vector128.Create(mask));

    public static void Store(byte* to, Bytes8 value) => *(ulong*)to = value._value.AsUInt64().ToScalar();
}

/// <summary>One byte: the end of a row, and machines without vectors.</summary>
internal readonly unsafe struct Bytes1(byte value) : IByteLanes<Bytes1>
{
    private readonly byte _value = value;

    public static int Count => 1;

    public static Bytes1 Load(byte* from) => new(*from);

    public static Bytes1 Max(Bytes1 a, Bytes1 b) => new(Math.Max(a._value, b._value));

    public static Bytes1 Flip(Bytes1 a, byte mask) => new((byte)(a._value ^ mask));

    public static void Store(byte* to, Bytes1 value) => *to = value._value;
}
