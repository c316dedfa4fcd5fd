using System.Numerics;
using System.Numerics.Tensors;

namespace Halftone.Engine.Dense.Elementwise;

/// <summary>Combines two numbers of any type.</summary>
internal interface INumberPair
{
    /// <inheritdoc cref="IPair{T, TResult}.Invoke"/>
    static abstract T Invoke<T>(T a, T b)
        where T : unmanaged, INumber<T>;

    /// <summary>A row at once, or false.</summary>
    static virtual bool TryRow<T>(ReadOnlySpan<T> a, ReadOnlySpan<T> b, Span<T> y)
        where T : unmanaged, INumber<T> => false;

    /// <summary>A row with one second number, or false.</summary>
    static virtual bool TryRow<T>(ReadOnlySpan<T> a, T b, Span<T> y)
        where T : unmanaged, INumber<T> => false;
}

/// <summary>Add, Sub, Mul, Div and Mod. Integers wrap.</summary>
internal static class Arithmetic
{
    /// <summary>The list.</summary>
    public static IEnumerable<(string Op, Func<DenseRequest, DensePlan> Ready)> List =>
    [
        ("Add", Plan<Add>),
        ("Sub", Plan<Sub>),
        ("Mul", Plan<Mul>),
        ("Div", Plan<Div>),
        ("Mod", r => r.Node.Int("fmod", 0) == 0 ? Plan<FloorMod>(r) : Plan<TruncatedMod>(r)),
    ];

    /// <summary>The plan of an operator for its type of number.</summary>
    public static DensePlan Plan<TPair>(DenseRequest request)
        where TPair : INumberPair => NumberTypes.Plan<Typed<TPair>>(request);

    private readonly struct Typed<TPair> : INumberPlan
        where TPair : INumberPair
    {
        public DensePlan Plan<T>(DenseRequest request)
            where T : unmanaged, INumber<T> => Pairs.Plan<Of<TPair, T>, T, T>(request, request.Input(0).Element);
    }

    /// <summary>The pair for one type.</summary>
    internal readonly struct Of<TPair, T> : IPair<T, T>
        where TPair : INumberPair
        where T : unmanaged, INumber<T>
    {
        public static T Invoke(T a, T b) => TPair.Invoke(a, b);

        public static bool TryRow(ReadOnlySpan<T> a, ReadOnlySpan<T> b, Span<T> y) => TPair.TryRow(a, b, y);

        public static bool TryRow(ReadOnlySpan<T> a, T b, Span<T> y) => TPair.TryRow(a, b, y);
    }

    internal readonly struct Add : INumberPair
    {
        public static T Invoke<T>(T a, T b)
            where T : unmanaged, INumber<T> => a + b;

        public static bool TryRow<T>(ReadOnlySpan<T> a, ReadOnlySpan<T> b, Span<T> y)
            where T : unmanaged, INumber<T>
        {
            TensorPrimitives.Add(a, b, y);
            return true;
        }

        public static bool TryRow<T>(ReadOnlySpan<T> a, T b, Span<T> y)
            where T : unmanaged, INumber<T>
        {
            TensorPrimitives.Add(a, b, y);
            return true;
        }
    }

    private readonly struct Sub : INumberPair
    {
        public static T Invoke<T>(T a, T b)
            where T : unmanaged, INumber<T> => a - b;

        public static bool TryRow<T>(ReadOnlySpan<T> a, ReadOnlySpan<T> b, Span<T> y)
            where T : unmanaged, INumber<T>
        {
            TensorPrimitives.Subtract(a, b, y);
            return true;
        }

        public static bool TryRow<T>(ReadOnlySpan<T> a, T b, Span<T> y)
            where T : unmanaged, INumber<T>
        {
            TensorPrimitives.Subtract(a, b, y);
            return true;
        }
    }

    internal readonly struct Mul : INumberPair
    {
        public static T Invoke<T>(T a, T b)
            where T : unmanaged, INumber<T> => a * b;

        public static bool TryRow<T>(ReadOnlySpan<T> a, ReadOnlySpan<T> b, Span<T> y)
            where T : unmanaged, INumber<T>
        {
            TensorPrimitives.Multiply(a, b, y);
            return true;
        }

        public static bool TryRow<T>(ReadOnlySpan<T> a, T b, Span<T> y)
            where T : unmanaged, INumber<T>
        {
            TensorPrimitives.Multiply(a, b, y);
            return true;
        }
    }

    internal readonly struct Div : INumberPair
    {
        // what has no quotient among the integers must not end the process: x / 0 is 0, and the lowest over -1 wraps
        public static T Invoke<T>(T a, T b)
            where T : unmanaged, INumber<T> => NumberTypes.IsFloat<T>() ? a / b : T.IsZero(b) ? T.Zero : T.IsNegative(b) && b + T.One == T.Zero ? T.Zero - a : a / b;

        public static bool TryRow<T>(ReadOnlySpan<T> a, ReadOnlySpan<T> b, Span<T> y)
            where T : unmanaged, INumber<T>
        {
            if (NumberTypes.IsFloat<T>())
            {
                TensorPrimitives.Divide(a, b, y);
            }

            return NumberTypes.IsFloat<T>();
        }

        public static bool TryRow<T>(ReadOnlySpan<T> a, T b, Span<T> y)
            where T : unmanaged, INumber<T>
        {
            if (NumberTypes.IsFloat<T>())
            {
                TensorPrimitives.Divide(a, b, y);
            }

            return NumberTypes.IsFloat<T>();
        }
    }

    /// <summary>The remainder has the sign of the divisor.</summary>
    private readonly struct FloorMod : INumberPair
    {
        public static T Invoke<T>(T a, T b)
            where T : unmanaged, INumber<T>
        {
            T rest = TruncatedMod.Invoke(a, b);
            return !T.IsZero(rest) && T.IsNegative(rest) != T.IsNegative(b) ? rest + b : rest;
        }
    }

    /// <summary>The remainder has the sign of the dividend.</summary>
    private readonly struct TruncatedMod : INumberPair
    {
        public static T Invoke<T>(T a, T b)
            where T : unmanaged, INumber<T> => NumberTypes.IsFloat<T>() ? a % b : T.IsZero(b) || (T.IsNegative(b) && b + T.One == T.Zero) ? T.Zero : a % b;
    }
}
