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
    public static IEnumerable<(string Op, Func<DenseRequest, DensePlan> Ready)> List =>
    [
        ("Equal", r => r.Input(0).Element == ElementType.Bool ? Plan<Equal, byte>(r) : Plan<Equal>(r)),
        ("Less", Plan<Less>),
        ("LessOrEqual", Plan<LessOrEqual>),
        ("Greater", Plan<Greater>),
        ("GreaterOrEqual", Plan<GreaterOrEqual>),
    ];

    private static DensePlan Plan<TComparison>(DenseRequest request)
        where TComparison : IComparison => NumberTypes.Plan<Typed<TComparison>>(request);

    private static DensePlan Plan<TComparison, T>(DenseRequest request)
        where TComparison : IComparison
        where T : unmanaged, INumber<T> => Pairs.Plan<Of<TComparison, T>, T, bool>(request, ElementType.Bool);

    private readonly struct Typed<TComparison> : INumberPlan
        where TComparison : IComparison
    {
        public DensePlan Plan<T>(DenseRequest request)
            where T : unmanaged, INumber<T> => Comparisons.Plan<TComparison, T>(request);
    }

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
