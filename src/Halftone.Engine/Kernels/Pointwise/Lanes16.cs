using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Halftone.Engine.Kernels.Pointwise;

/// <summary>Sixteen floats: AVX-512.</summary>
internal readonly unsafe struct Lanes16(Vector512<float> value) : ILanes<Lanes16>
{
    private readonly Vector512<float> _value = value;

    public static bool IsSupported => Vector512.IsHardwareAccelerated && Avx512F.IsSupported;

    public static int Count => 16;

    public static Lanes16 All(float value) => new(Vector512.Create(value));

    public static Lanes16 Load(byte* from) => new(Avx512F.ConvertToVector512Single(Avx512F.ConvertToVector512Int32(Vector128.Load(from))));

    public static Lanes16 Load(float* from) => new(Vector512.Load(from));

    public static Lanes16 Load(int* sums, int* columns, int factor) =>
        new(Vector512.ConvertToSingle(Vector512.Load(sums) - (Vector512.Load(columns) * factor)));

    public static Lanes16 operator +(Lanes16 a, Lanes16 b) => new(a._value + b._value);

    public static Lanes16 operator -(Lanes16 a, Lanes16 b) => new(a._value - b._value);

    public static Lanes16 operator *(Lanes16 a, Lanes16 b) => new(a._value * b._value);

    public static Lanes16 operator /(Lanes16 a, Lanes16 b) => new(a._value / b._value);

    public static Lanes16 MultiplyAdd(Lanes16 a, Lanes16 b, Lanes16 c) => new(Avx512F.FusedMultiplyAdd(a._value, b._value, c._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 Clamp(Lanes16 value, Lanes16 least, Lanes16 most) => new(Avx512F.Min(Avx512F.Max(value._value, least._value), most._value));

    public static Lanes16 Round(Lanes16 value) => new(Avx512F.RoundScale(value._value, 0));

    public static Lanes16 Truncate(Lanes16 value) => new(Avx512F.RoundScale(value._value, 3));

    public static void Store(byte* to, Lanes16 value) => Avx512F.ConvertToVector128Byte(Avx512F.ConvertToVector512Int32(value._value)).Store(to);

    public static void Store(float* to, Lanes16 value) => value._value.Store(to);
}
