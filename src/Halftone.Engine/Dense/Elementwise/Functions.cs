using System.Numerics;
using System.Numerics.Tensors;

namespace Halftone.Engine.Dense.Elementwise;

/// <summary>Sqrt, Reciprocal, Exp, Log, Floor, Ceil, Round (ties to even) and Erf.</summary>
internal static class Functions
{
    /// <summary>The list.</summary>
    public static IEnumerable<(string Op, Func<DenseRequest, DensePlan> Ready)> List =>
    [
        ("Sqrt", r => Singles.Floats<Sqrt>(r)),
        ("Reciprocal", r => Singles.Floats<Reciprocal>(r)),
        ("Exp", r => Singles.Floats<Exp>(r)),
        ("Log", r => Singles.Floats<Log>(r)),
        ("Floor", r => Singles.Floats<Floor>(r)),
        ("Ceil", r => Singles.Floats<Ceil>(r)),
        ("Round", r => Singles.Floats<Round>(r)),
        ("Erf", r => Singles.Vectors<Erf>(r)),
    ];

    private readonly struct Sqrt : IFloatFunction
    {
        public T Invoke<T>(T x)
            where T : unmanaged, IFloatingPointIeee754<T> => T.Sqrt(x);

        public static bool TryRow<T>(ReadOnlySpan<T> x, Span<T> y)
            where T : unmanaged, IFloatingPointIeee754<T>
        {
            TensorPrimitives.Sqrt(x, y);
            return true;
        }
    }

    private readonly struct Reciprocal : IFloatFunction
    {
        public T Invoke<T>(T x)
            where T : unmanaged, IFloatingPointIeee754<T> => T.One / x;
    }

    private readonly struct Exp : IFloatFunction
    {
        public T Invoke<T>(T x)
            where T : unmanaged, IFloatingPointIeee754<T> => T.Exp(x);

        public static bool TryRow<T>(ReadOnlySpan<T> x, Span<T> y)
            where T : unmanaged, IFloatingPointIeee754<T>
        {
            TensorPrimitives.Exp(x, y);
            return true;
        }
    }

    // the vector form loses its relative accuracy near 1
    private readonly struct Log : IFloatFunction
    {
        public T Invoke<T>(T x)
            where T : unmanaged, IFloatingPointIeee754<T> => T.Log(x);
    }

    private readonly struct Floor : IFloatFunction
    {
        public T Invoke<T>(T x)
            where T : unmanaged, IFloatingPointIeee754<T> => T.Floor(x);

        public static bool TryRow<T>(ReadOnlySpan<T> x, Span<T> y)
            where T : unmanaged, IFloatingPointIeee754<T>
        {
            TensorPrimitives.Floor(x, y);
            return true;
        }
    }

    private readonly struct Ceil : IFloatFunction
    {
        public T Invoke<T>(T x)
            where T : unmanaged, IFloatingPointIeee754<T> => T.Ceiling(x);

        public static bool TryRow<T>(ReadOnlySpan<T> x, Span<T> y)
            where T : unmanaged, IFloatingPointIeee754<T>
        {
            TensorPrimitives.Ceiling(x, y);
            return true;
        }
    }

    private readonly struct Round : IFloatFunction
    {
        public T Invoke<T>(T x)
            where T : unmanaged, IFloatingPointIeee754<T> => T.Round(x, MidpointRounding.ToEven);

        public static bool TryRow<T>(ReadOnlySpan<T> x, Span<T> y)
            where T : unmanaged, IFloatingPointIeee754<T>
        {
            TensorPrimitives.Round(x, y);
            return true;
        }
    }

    private readonly struct Erf : IVectorFunction
    {
        public T Invoke<T>(T x)
            where T : unmanaged, IFloatingPointIeee754<T> => T.CreateTruncating(ErrorFunction.Of(double.CreateTruncating(x)));

        public Vector<float> Invoke(Vector<float> x) => VectorFunctions.Erf(x);
    }
}
