using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Halftone.Engine.Kernels.Pointwise;

/// <summary>Four floats, on any machine that has 128-bit vectors.</summary>
internal readonly unsafe struct Lanes4(Vector128<float> value) : ILanes<Lanes4>
{
    private readonly Vector128<float> _value = value;

    public static bool IsSupported => Vector128.IsHardwareAccelerated;

    public static int Count => 4;

    public static Lanes4 All(float value) => new(Vector128.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 Load(byte* from)
    {
        Vector128<ushort> words = Vector128.WidenLower(Vector128.CreateScalar(*(uint*)from).AsByte());
        return new(Vector128.ConvertToSingle(Vector128.WidenLower(words).AsInt32()));
    }

    public static Lanes4 Load(float* from) => new(Vector128.Load(from));

    public static Lanes4 Load(int* sums, int* columns, int factor) =>
        new(Vector128.ConvertToSingle(Vector128.Load(sums) - (Vector128.Load(columns) * factor)));

    public static Lanes4 operator +(Lanes4 a, Lanes4 b) => new(a._value + b._value);

    public static Lanes4 operator -(Lanes4 a, Lanes4 b) => new(a._value - b._value);

    public static Lanes4 operator *(Lanes4 a, Lanes4 b) => new(a._value * b._value);

    public static Lanes4 operator /(Lanes4 a, Lanes4 b) => new(a._value / b._value);

    public static Lanes4 MultiplyAdd(Lanes4 a, Lanes4 b, Lanes4 c) => new(Vector128.FusedMultiplyAdd(a._value, b._value, c._value));

    // Vector128.Max has another idea of NaN
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 Clamp(Lanes4 value, Lanes4 least, Lanes4 most)
    {
        Vector128<float> above = Vector128.ConditionalSelect(Vector128.GreaterThan(value._value, least._value), value._value, least._value);
        return new(Vector128.ConditionalSelect(Vector128.LessThan(above, most._value), above, most._value));
    }

    public static Lanes4 Round(Lanes4 value) => new(Vector128.Round(value._value));

    public static Lanes4 Truncate(Lanes4 value) => new(Vector128.Truncate(value._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(byte* to, Lanes4 value)
    {
        Vector128<uint> whole = Vector128.ConvertToInt32(Vector128.Round(value._value)).AsUInt32();
        Vector128<ushort> words = Vector128.Narrow(whole, whole);
        *(uint*)to = Vector128.Narrow(words, words).AsUInt32().ToScalar();
    }

    public static void Store(float* to, Lanes4 value) => value._value.Store(to);
}
