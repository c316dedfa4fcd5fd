using System.Numerics;

namespace Halftone.Engine.Dense.Elementwise;

/// <summary>Sine, cosine and tangent, their hyperbolic forms and the inverses.</summary>
internal static class Trigonometry
{
    /// <summary>The list.</summary>
    public static IEnumerable<(string Op, Func<DenseRequest, DensePlan> Ready)> List =>
    [
        ("Sin", r => Singles.Floats<Sin>(r)),
        ("Cos", r => Singles.Floats<Cos>(r)),
        ("Tan", r => Singles.Floats<Tan>(r)),
        ("Asin", r => Singles.Floats<Asin>(r)),
        ("Acos", r => Singles.Floats<Acos>(r)),
        ("Atan", r => Singles.Floats<Atan>(r)),
        ("Sinh", r => Singles.Floats<Sinh>(r)),
        ("Cosh", r => Singles.Floats<Cosh>(r)),
        ("Asinh", r => Singles.Floats<Asinh>(r)),
        ("Acosh", r => Singles.Floats<Acosh>(r)),
        ("Atanh", r => Singles.Floats<Atanh>(r)),
    ];

    private readonly struct Sin : IFloatFunction
    {
        public T Invoke<T>(T x)
            where T : unmanaged, IFloatingPointIeee754<T> => T.Sin(x);
    }

    private readonly struct Cos : IFloatFunction
    {
        public T Invoke<T>(T x)
            where T : unmanaged, IFloatingPointIeee754<T> => T.Cos(x);
    }

    private readonly struct Tan : IFloatFunction
    {
        public T Invoke<T>(T x)
            where T : unmanaged, IFloatingPointIeee754<T> => T.Tan(x);
    }

    private readonly struct Asin : IFloatFunction
    {
        public T Invoke<T>(T x)
            where T : unmanaged, IFloatingPointIeee754<T> => T.Asin(x);
    }

    private readonly struct Acos : IFloatFunction
    {
        public T Invoke<T>(T x)
            where T : unmanaged, IFloatingPointIeee754<T> => T.Acos(x);
    }

    private readonly struct Atan : IFloatFunction
    {
        public T Invoke<T>(T x)
            where T : unmanaged, IFloatingPointIeee754<T> => T.Atan(x);
    }

    private readonly struct Sinh : IFloatFunction
    {
        public T Invoke<T>(T x)
            where T : unmanaged, IFloatingPointIeee754<T> => T.Sinh(x);
    }

    private readonly struct Cosh : IFloatFunction
    {
        public T Invoke<T>(T x)
            where T : unmanaged, IFloatingPointIeee754<T> => T.Cosh(x);
    }

    private readonly struct Asinh : IFloatFunction
    {
        public T Invoke<T>(T x)
            where T : unmanaged, IFloatingPointIeee754<T> => T.Asinh(x);
    }

    private readonly struct Acosh : IFloatFunction
    {
        public T Invoke<T>(T x)
            where T : unmanaged, IFloatingPointIeee754<T> => T.Acosh(x);
    }

    private readonly struct Atanh : IFloatFunction
    {
        public T Invoke<T>(T x)
            where T : unmanaged, IFloatingPointIeee754<T> => T.Atanh(x);
    }
}
