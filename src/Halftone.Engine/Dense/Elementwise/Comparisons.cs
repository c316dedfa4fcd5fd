using System.Numerics;
using Halftone.Onnx;

namespace Halftone.Engine.Dense.Elementwise;

/// <summary>Compares two numbers of any type.</summary>
internal interface IComparison
{
    /// <summary>Whether it holds.</summary>
    static abstract bool Invoke<T>(T a, T b)
        where T : INumber<T>;
}

/// <summary>Equal, Less, LessOrEqual, Greater, GreaterOrEqual.</summary>
internal static class Comparisons
{
    /// <summary>The list.</summary>
    public static IEnumerable<(string Op, Func<DenseRequest, DensePlan> Plan)> List =>
    [
        ("Equal", r => r.Input(0).Element == ElementType.Bool ? Plan<Equal, byte>(r) : Plan<Equal>(r)),
        ("Less", Plan<Less>),
        ("LessOrEqual", Plan<LessOrEqual>),
        ("Greater", Plan<Greater>),
        ("GreaterOrEqual", Plan<GreaterOrEqual>),
    ];

    private static DensePlan Plan<TComparison>(DenseRequest request)
        where TComparison : IComparison => request.Input(0).Element switch
        {
            ElementType.Float => Plan<TComparison, float>(request),
            ElementType.Double => Plan<TComparison, double>(request),
            ElementType.Float16 => Plan<TComparison, Half>(request),
            ElementType.Int8 => Plan<TComparison, sbyte>(request),
            ElementType.Int16 => Plan<TComparison, short>(request),
            ElementType.Int32 => Plan<TComparison, int>(request),
            ElementType.Int64 => Plan<TComparison, long>(request),
            ElementType.UInt8 => Plan<TComparison, byte>(request),
            ElementType.UInt16 => Plan<TComparison, ushort>(request),
            ElementType.UInt32 => Plan<TComparison, uint>(request),
            ElementType.UInt64 => Plan<TComparison, ulong>(request),
            var other => throw request.Refusal($"it does not compare {other.OnnxName()}."),
        };

    private static DensePlan Plan<TComparison, T>(DenseRequest request)
        where TComparison : IComparison
        where T : unmanaged, INumber<T> => Pairs.Plan<Of<TComparison, T>, T, bool>(request, ElementType.Bool);

    private readonly struct Of<TComparison, T> : IPair<T, bool>
        where TComparison : IComparison
        where T : INumber<T>
    {
        public static bool Invoke(T a, T b) => TComparison.Invoke(a, b);
    }

    private readonly struct Equal : IComparison
    {
        public static bool Invoke<T>(T a, T b)
            where T : INumber<T> => a == b;
    }

    private readonly struct Less : IComparison
    {
        public static bool Invoke<T>(T a, T b)
            where T : INumber<T> => a < b;
    }

    private readonly struct LessOrEqual : IComparison
    {
        public static bool Invoke<T>(T a, T b)
            where T : INumber<T> => a <= b;
    }

    private readonly struct Greater : IComparison
    {
        public static bool Invoke<T>(T a, T b)
            where T : INumber<T> => a > b;
    }

    private readonly struct GreaterOrEqual : IComparison
    {
        public static bool Invoke<T>(T a, T b)
            where T : INumber<T> => a >= b;
    }
}
