using System.Numerics;
using System.Numerics.Tensors;
using Halftone.Onnx;

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

/// <summary>Add, Sub, Mul, Div, Mod and, of any number of inputs, Max, Min, Sum and Mean. Integers wrap.</summary>
internal static class Arithmetic
{
    /// <summary>The list.</summary>
    public static IEnumerable<(string Op, Func<DenseRequest, DensePlan> Plan)> List =>
    [
        ("Add", Plan<Add>),
        ("Sub", Plan<Sub>),
        ("Mul", Plan<Mul>),
        ("Div", Plan<Div>),
        ("Mod", r => r.Node.Int("fmod", 0) == 0 ? Plan<FloorMod>(r) : Plan<TruncatedMod>(r)),
    ];

    /// <summary>The plan of an operator for its type of number.</summary>
    public static DensePlan Plan<TPair>(DenseRequest request)
        where TPair : INumberPair => request.Input(0).Element switch
        {
            ElementType.Float => Plan<TPair, float>(request),
            ElementType.Double => Plan<TPair, double>(request),
            ElementType.Float16 => Plan<TPair, Half>(request),
            ElementType.Int8 => Plan<TPair, sbyte>(request),
            ElementType.Int16 => Plan<TPair, short>(request),
            ElementType.Int32 => Plan<TPair, int>(request),
            ElementType.Int64 => Plan<TPair, long>(request),
            ElementType.UInt8 => Plan<TPair, byte>(request),
            ElementType.UInt16 => Plan<TPair, ushort>(request),
            ElementType.UInt32 => Plan<TPair, uint>(request),
            ElementType.UInt64 => Plan<TPair, ulong>(request),
            var other => throw request.Refusal($"it does not compute with {other.OnnxName()}."),
        };

    private static DensePlan Plan<TPair, T>(DenseRequest request)
        where TPair : INumberPair
        where T : unmanaged, INumber<T> => Pairs.Plan<Of<TPair, T>, T, T>(request, request.Input(0).Element);

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

    private readonly struct Mul : INumberPair
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

    private readonly struct Div : INumberPair
    {
        // what has no quotient among the integers must not end the process: x / 0 is 0, and the lowest over -1 wraps
        public static T Invoke<T>(T a, T b)
            where T : unmanaged, INumber<T> => IsFloat<T>() ? a / b : T.IsZero(b) ? T.Zero : T.IsNegative(b) && b + T.One == T.Zero ? T.Zero - a : a / b;

        public static bool TryRow<T>(ReadOnlySpan<T> a, ReadOnlySpan<T> b, Span<T> y)
            where T : unmanaged, INumber<T>
        {
            if (IsFloat<T>())
            {
                TensorPrimitives.Divide(a, b, y);
            }

            return IsFloat<T>();
        }

        public static bool TryRow<T>(ReadOnlySpan<T> a, T b, Span<T> y)
            where T : unmanaged, INumber<T>
        {
            if (IsFloat<T>())
            {
                TensorPrimitives.Divide(a, b, y);
            }

            return IsFloat<T>();
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
            where T : unmanaged, INumber<T> => IsFloat<T>() ? a % b : T.IsZero(b) || (T.IsNegative(b) && b + T.One == T.Zero) ? T.Zero : a % b;
    }

    private static bool IsFloat<T>() => typeof(T) == typeof(float) || typeof(T) == typeof(double) || typeof(T) == typeof(Half);
}
