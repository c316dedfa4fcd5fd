using System.Numerics;
using System.Numerics.Tensors;

namespace Halftone.Engine.Dense.Elementwise;

/// <summary>Activations that are no more than a sigmoid or an exponential away: Sigmoid, Tanh, Softplus, Softsign, Mish, Gelu, Swish, HardSigmoid, HardSwish.</summary>
internal static class Sigmoids
{
    /// <summary>The list.</summary>
    public static IEnumerable<(string Op, Func<DenseRequest, DensePlan> Ready)> List =>
    [
        ("Sigmoid", r => Singles.Floats<Sigmoid>(r)),
        ("Tanh", r => Singles.Vectors<Tanh>(r)),
        ("Softplus", r => Singles.Floats<Softplus>(r)),
        ("Softsign", r => Singles.Floats<Softsign>(r)),
        ("Mish", r => Singles.Floats<Mish>(r)),
        ("Gelu", r => r.Node.Text("approximate", "none") switch
        {
            "none" => Singles.Vectors<Gelu>(r),
            "tanh" => Singles.Floats<TanhGelu>(r),
            var other => throw r.Refusal($"it approximates by '{other}', neither none nor tanh."),
        }),
        ("Swish", r => Singles.Vectors(r, new Swish(r.Node.Float("alpha", 1)))),
        ("HardSigmoid", r => Singles.Vectors(r, new HardSigmoid(r.Node.Float("alpha", 0.2f), r.Node.Float("beta", 0.5f)))),
        ("HardSwish", r => Singles.Vectors<HardSwish>(r)),
    ];

    private static T Logistic<T>(T x)
        where T : IFloatingPointIeee754<T> => T.One / (T.One + T.Exp(-x));

    // log(1 + e^x) without overflow
    private static T LogOnePlusExp<T>(T x)
        where T : IFloatingPointIeee754<T> => T.Max(x, T.Zero) + NearZero.LogP1(T.Exp(-T.Abs(x)));

    private readonly struct Sigmoid : IFloatFunction
    {
        public T Invoke<T>(T x)
            where T : unmanaged, IFloatingPointIeee754<T> => Logistic(x);

        public static bool TryRow<T>(ReadOnlySpan<T> x, Span<T> y)
            where T : unmanaged, IFloatingPointIeee754<T>
        {
            TensorPrimitives.Sigmoid(x, y);
            return true;
        }
    }

    private readonly struct Tanh : IVectorFunction
    {
        public T Invoke<T>(T x)
            where T : unmanaged, IFloatingPointIeee754<T> => T.Tanh(x);

        public Vector<float> Invoke(Vector<float> x) => VectorFunctions.Tanh(x);
    }

    private readonly struct Softplus : IFloatFunction
    {
        public T Invoke<T>(T x)
            where T : unmanaged, IFloatingPointIeee754<T> => LogOnePlusExp(x);
    }

    private readonly struct Softsign : IFloatFunction
    {
        public T Invoke<T>(T x)
            where T : unmanaged, IFloatingPointIeee754<T> => x / (T.One + T.Abs(x));
    }

    private readonly struct Mish : IFloatFunction
    {
        public T Invoke<T>(T x)
            where T : unmanaged, IFloatingPointIeee754<T> => x * T.Tanh(LogOnePlusExp(x));
    }

    // x/2 * (1 + erf(x / sqrt(2))); below 0, where the sum cancels, x/2 * erfc(-x / sqrt(2))
    private readonly struct Gelu : IVectorFunction
    {
        public T Invoke<T>(T x)
            where T : unmanaged, IFloatingPointIeee754<T>
        {
            double wide = double.CreateTruncating(x);
            return T.CreateTruncating(0.5 * wide * (wide < 0 ? ErrorFunction.Complement(-wide / Math.Sqrt(2)) : 1 + ErrorFunction.Of(wide / Math.Sqrt(2))));
        }

        public Vector<float> Invoke(Vector<float> x) => VectorFunctions.Gelu(x);
    }

    // x/2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3)))
    private readonly struct TanhGelu : IFloatFunction
    {
        public T Invoke<T>(T x)
            where T : unmanaged, IFloatingPointIeee754<T>
        {
            double wide = double.CreateTruncating(x);
            return T.CreateTruncating(0.5 * wide * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (wide + (0.044715 * wide * wide * wide)))));
        }
    }

    private readonly struct Swish(float alpha) : IVectorFunction
    {
        public T Invoke<T>(T x)
            where T : unmanaged, IFloatingPointIeee754<T> => x * Logistic(T.CreateTruncating(alpha) * x);

        public Vector<float> Invoke(Vector<float> x) => x / (Vector<float>.One + Vector.Exp(x * new Vector<float>(-alpha)));
    }

    private readonly struct HardSigmoid(float alpha, float beta) : IVectorFunction
    {
        public T Invoke<T>(T x)
            where T : unmanaged, IFloatingPointIeee754<T> => T.Clamp((T.CreateTruncating(alpha) * x) + T.CreateTruncating(beta), T.Zero, T.One);

        public Vector<float> Invoke(Vector<float> x) => Vector.Min(Vector.Max((x * new Vector<float>(alpha)) + new Vector<float>(beta), Vector<float>.Zero), Vector<float>.One);
    }

    // alpha is 1/6 and beta 1/2
    private readonly struct HardSwish : IVectorFunction
    {
        public T Invoke<T>(T x)
            where T : unmanaged, IFloatingPointIeee754<T> => x * T.Clamp((x / T.CreateTruncating(6)) + T.CreateTruncating(0.5f), T.Zero, T.One);

        public Vector<float> Invoke(Vector<float> x) => x * Vector.Min(Vector.Max((x / new Vector<float>(6)) + new Vector<float>(0.5f), Vector<float>.Zero), Vector<float>.One);
    }
}
