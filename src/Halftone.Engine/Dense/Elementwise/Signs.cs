using System.Numerics;
using System.Numerics.Tensors;

namespace Halftone.Engine.Dense.Elementwise;

/// <summary>Neg, Abs, Sign and Relu, of every type of number.</summary>
internal static class Signs
{
    /// <summary>The list.</summary>
    public static IEnumerable<(string Op, Func<DenseRequest, DensePlan> Ready)> List =>
    [
        ("Neg", Singles.Numbers<Neg>),
        ("Abs", Singles.Numbers<Abs>),
        ("Sign", Singles.Numbers<Sign>),
        ("Relu", Singles.Numbers<Relu>),
    ];

    private readonly struct Neg : INumberFunction
    {
        public static T Invoke<T>(T x)
            where T : unmanaged, INumber<T> => -x;
    }

    // the lowest integer, which T.Abs refuses, stays as it is
    private readonly struct Abs : INumberFunction
    {
        public static T Invoke<T>(T x)
            where T : unmanaged, INumber<T> => T.IsNegative(x) ? -x : x;
    }

    private readonly struct Sign : INumberFunction
    {
        public static T Invoke<T>(T x)
            where T : unmanaged, INumber<T> => x > T.Zero ? T.One : x < T.Zero ? -T.One : x;
    }

    private readonly struct Relu : INumberFunction
    {
        public static T Invoke<T>(T x)
            where T : unmanaged, INumber<T> => T.Max(x, T.Zero);

        public static bool TryRow<T>(ReadOnlySpan<T> x, Span<T> y)
            where T : unmanaged, INumber<T>
        {
            TensorPrimitives.Max(x, T.Zero, y);
            return true;
        }
    }
}
