using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Halftone.Engine.Kernels.Pointwise;

/// <summary>Eight floats: AVX2 with FMA.</summary>
internal readonly unsafe struct Lanes8(Vector256<float> value) : ILanes<Lanes8>
{
    private readonly Vector256<float> _value = value;

    public static bool IsSupported => Vector256.IsHardwareAccelerated && Avx2.IsSupported && Fma.IsSupported;

    public static int Count => 8;

    public static Lanes8 All(float value) => new(Vector256.Create(value));

    public static Lanes8 Load(byte* from) => new(Avx.ConvertToVector256Single(Avx2.ConvertToVector256Int32(from)));

    public static Lanes8 Load(float* from) => new(Vector256.Load(from));

    public static Lanes8 Load(int* sums, int* columns, int factor) =>
        new(Vector256.ConvertToSingle(Vector256.Load(sums) - (Vector256.Load(columns) * factor)));

    public static Lanes8 operator +(Lanes8 a, Lanes8 b) => new(a._value + b._value);

    public static Lanes8 operator -(Lanes8 a, Lanes8 b) => new(a._value - b._value);

    public static Lanes8 operator *(Lanes8 a, Lanes8 b) => new(a._value * b._value);

    public static Lanes8 operator /(Lanes8 a, Lanes8 b) => new(a._value / b._value);

    public static Lanes8 MultiplyAdd(Lanes8 a, Lanes8 b, Lanes8 c) => new(Fma.MultiplyAdd(a._value, b._value, c._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 Clamp(Lanes8 value, Lanes8 least, Lanes8 most) => new(Avx.Min(Avx.Max(value._value, least._value), most._value));

    public static Lanes8 Round(Lanes8 value) => new(Avx.RoundToNearestInteger(value._value));

    public static Lanes8 Truncate(Lanes8 value) => new(Avx.RoundToZero(value._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(byte* to, Lanes8 value)
    {
        Vector256<int> whole = Avx.ConvertToVector256Int32(value._value);
        Vector128<short> words = Sse2.PackSignedSaturate(whole.GetLower(), whole.GetUpper());
        *(ulong*)to = Sse2.PackUnsignedSaturate(words, words).AsUInt64().ToScalar();
    }

    public static void Store(float* to, Lanes8 value) => value._value.Store(to);
}
