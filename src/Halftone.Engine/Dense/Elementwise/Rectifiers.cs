using System.Numerics;

namespace Halftone.Engine.Dense.Elementwise;

/// <summary>Activations that pass positive numbers on: LeakyRelu, Elu, Selu, Celu, ThresholdedRelu, and PRelu with a slope an element.</summary>
internal static class Rectifiers
{
    /// <summary>The list.</summary>
    public static IEnumerable<(string Op, Func<DenseRequest, DensePlan> Plan)> List =>
    [
        ("LeakyRelu", r => Singles.Floats(r, new LeakyRelu(r.Node.Float("alpha", 0.01f)))),
        ("Elu", r => Singles.Floats(r, new Elu(r.Node.Float("alpha", 1)))),
        ("Selu", r => Singles.Floats(r, new Selu(r.Node.Float("alpha", 1.67326319217681884765625f), r.Node.Float("gamma", 1.05070102214813232421875f)))),
        ("Celu", r => Singles.Floats(r, new Celu(r.Node.Float("alpha", 1)))),
        ("ThresholdedRelu", r => Singles.Floats(r, new ThresholdedRelu(r.Node.Float("alpha", 1)))),
        ("PRelu", Arithmetic.Plan<PRelu>),
    ];

    private readonly struct LeakyRelu(float alpha) : IFloatFunction
    {
        public T Invoke<T>(T x)
            where T : unmanaged, IFloatingPointIeee754<T> => x < T.Zero ? T.CreateTruncating(alpha) * x : x;
    }

    private readonly struct Elu(float alpha) : IFloatFunction
    {
        public T Invoke<T>(T x)
            where T : unmanaged, IFloatingPointIeee754<T> => x < T.Zero ? T.CreateTruncating(alpha) * T.ExpM1(x) : x;
    }

    private readonly struct Selu(float alpha, float gamma) : IFloatFunction
    {
        public T Invoke<T>(T x)
            where T : unmanaged, IFloatingPointIeee754<T> => T.CreateTruncating(gamma) * (x > T.Zero ? x : T.CreateTruncating(alpha) * T.ExpM1(x));
    }

    private readonly struct Celu(float alpha) : IFloatFunction
    {
        public T Invoke<T>(T x)
            where T : unmanaged, IFloatingPointIeee754<T> => x < T.Zero ? T.CreateTruncating(alpha) * T.ExpM1(x / T.CreateTruncating(alpha)) : x;
    }

    private readonly struct ThresholdedRelu(float alpha) : IFloatFunction
    {
        public T Invoke<T>(T x)
            where T : unmanaged, IFloatingPointIeee754<T> => x > T.CreateTruncating(alpha) ? x : T.Zero;
    }

    private readonly struct PRelu : INumberPair
    {
        public static T Invoke<T>(T x, T slope)
            where T : unmanaged, INumber<T> => x < T.Zero ? slope * x : x;
    }
}
