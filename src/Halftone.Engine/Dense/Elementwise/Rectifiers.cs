using System.Numerics;

namespace Halftone.Engine.Dense.Elementwise;

/// <summary>Activations that pass positive numbers on: LeakyRelu, Elu, Selu, Celu, ThresholdedRelu, and PRelu with a slope an element.</summary>
internal static class Rectifiers
{
    /// <summary>The list.</summary>
    public static IEnumerable<(string Op, Func<DenseRequest, DensePlan> Ready)> List =>
    [
        ("LeakyRelu", r => Singles.Vectors(r, new LeakyRelu(r.Node.Float("alpha", 0.01f)))),
        ("Elu", r => Singles.Floats(r, new Elu(r.Node.Float("alpha", 1)))),
        ("Selu", r => Singles.Floats(r, new Selu(r.Node.Float("alpha", 1.67326319217681884765625f), r.Node.Float("gamma", 1.05070102214813232421875f)))),
        ("Celu", r => Singles.Floats(r, new Celu(r.Node.Float("alpha", 1)))),
        ("ThresholdedRelu", r => Singles.Vectors(r, new ThresholdedRelu(r.Node.Float("alpha", 1)))),
        ("PRelu", Arithmetic.Plan<PRelu>),
    ];

    private readonly struct LeakyRelu(float alpha) : IVectorFunction
    {
        public T Invoke<T>(T x)
            where T : unmanaged, IFloatingPointIeee754<T> => x < T.Zero ? T.CreateTruncating(alpha) * x : x;

        public Vector<float> Invoke(Vector<float> x) => Vector.ConditionalSelect(Vector.LessThan(x, Vector<float>.Zero), x * new Vector<float>(alpha), x);
    }

    private readonly struct Elu(float alpha) : IFloatFunction
    {
        public T Invoke<T>(T x)
            where T : unmanaged, IFloatingPointIeee754<T> => x < T.Zero ? T.CreateTruncating(alpha) * NearZero.ExpM1(x) : x;
    }

    private readonly struct Selu(float alpha, float gamma) : IFloatFunction
    {
        public T Invoke<T>(T x)
            where T : unmanaged, IFloatingPointIeee754<T> => T.CreateTruncating(gamma) * (x > T.Zero ? x : T.CreateTruncating(alpha) * NearZero.ExpM1(x));
    }

    private readonly struct Celu(float alpha) : IFloatFunction
    {
        public T Invoke<T>(T x)
            where T : unmanaged, IFloatingPointIeee754<T> => x < T.Zero ? T.CreateTruncating(alpha) * NearZero.ExpM1(x / T.CreateTruncating(alpha)) : x;
    }

    private readonly struct ThresholdedRelu(float alpha) : IVectorFunction
    {
        public T Invoke<T>(T x)
            where T : unmanaged, IFloatingPointIeee754<T> => x > T.CreateTruncating(alpha) ? x : T.Zero;

        public Vector<float> Invoke(Vector<float> x) => Vector.ConditionalSelect(Vector.GreaterThan(x, new Vector<float>(alpha)), x, Vector<float>.Zero);
    }

    private readonly struct PRelu : INumberPair
    {
        public static T Invoke<T>(T x, T slope)
            where T : unmanaged, INumber<T> => x < T.Zero ? slope * x : x;
    }
}
